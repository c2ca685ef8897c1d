"""Tables and figures as one self-contained HTML page; knows no model."""
