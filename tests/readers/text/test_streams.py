"""Byte streams in front of the parser, read in pieces of any size."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.readers.text.streams import ChainedFiles, RewrittenLines, single_spaced, unit_separated


def read_in_pieces(stream, size):
    pieces = []
    while piece := stream.read(size):
        pieces.append(piece)
    return b"".join(pieces)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([b"", b"a", b"a\n", b"a\r\n", b"a\nb", b"\n"]), min_size=1, max_size=6), st.integers(1, 7))
def test_chained_files_end_with_a_line_break_each(tmp_path_factory, contents, size):
    folder = tmp_path_factory.mktemp("chain")
    paths = [folder / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    with ChainedFiles(paths) as chained:
        assert chained.readable()
        got = read_in_pieces(chained, size)
        assert chained.tell() == len(got)
    assert got == b"".join(c if c.endswith(b"\n") or not c else c + b"\n" for c in contents)


def test_a_chain_that_is_closed_early_closes_its_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    chained = ChainedFiles([tmp_path / "a"])
    assert chained.read(1) == b"a"
    chained.close()
    assert chained.closed


@given(
    st.lists(st.lists(st.sampled_from(["a", "bb"]), min_size=1, max_size=3)),
    st.integers(1, 4),
    st.booleans(),
    st.integers(1, 9),
)
def test_runs_of_spaces_become_one_whatever_the_block(rows, spaces, ended, size):
    gap = " " * spaces
    text = "\r\n".join(gap + gap.join(row) + gap for row in rows) + ("\r\n" if ended else "")
    expected = "\r\n".join(" ".join(row) for row in rows) + ("\r\n" if ended else "")
    squeezed = RewrittenLines(io.BytesIO(text.encode()), single_spaced)
    assert squeezed.readable()
    assert read_in_pieces(squeezed, size).decode() == expected


def test_lines_longer_than_a_block_are_squeezed_whole():
    text = io.BytesIO(b"  one   two  \n three ")
    assert RewrittenLines(text, single_spaced, block_bytes=3).read() == b"one two\nthree"


@given(st.text("a:\n", max_size=40), st.integers(1, 9))
def test_double_colons_become_one_sign_whatever_the_block(text, size):
    separated = RewrittenLines(io.BytesIO(text.encode()), unit_separated)
    assert read_in_pieces(separated, size).decode() == text.replace("::", "\x1f")
