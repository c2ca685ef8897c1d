"""`python -m refeed`: the command line."""

from refeed.cli.main import main

if __name__ == "__main__":
    main()
