"""Titles from the files of known data sets and from any CSV."""

import pytest

from refeed.data.vocabulary import Vocabulary
from refeed.errors import DataError
from refeed.readers.titles import read_titles, titles_for


def write(tmp_path, name, text, encoding="utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("movies.dat", "007::Amélie: a film, maybe::Comedy\n"),
        ("movies.csv", 'movieId,title,genres\n007,"Amélie: a film, maybe",Comedy\n\n'),
        ("u.item", "007|Amélie: a film, maybe" + "|0" * 22 + "\n"),
        ("movie_titles.txt", "007,2001,Amélie: a film, maybe\n8,NULL,x\n"),
        ("movie_titles.csv", "007,2001,Amélie: a film, maybe\r\n"),
        ("anything.tsv", "name\tid\nAmélie: a film, maybe\t007\n"),
    ],
)
def test_titles_are_read_in_either_encoding(tmp_path, encoding, name, text):
    path = write(tmp_path, name, text, encoding)
    assert read_titles(path)["007"] == "Amélie: a film, maybe"
    if name != "anything.tsv":
        assert read_titles(tmp_path) == read_titles(path)


def test_titles_are_aligned_with_a_vocabulary_by_text(tmp_path):
    path = write(tmp_path, "movies.dat", "1::One::x\n\n3::Three::x\n")
    assert titles_for(Vocabulary([3, 2, 1], kind="item"), path) == ["Three", None, "One"]
    assert titles_for(Vocabulary(["1", "03"], kind="item"), path) == ["One", None]


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("movies.dat", "1::One::x\nTwo\n", 2, "expected an id and a title separated by '::', got 'Two'"),
        ("movies.dat", "1::One::x\n1::Uno::x\n", 2, "item '1' has two titles, 'One' and 'Uno'"),
        ("movies.csv", "movieId,title\n1,One\n2\n", 3, "expected 2 fields, found 1"),
        ("movies.csv", "a,b\n1,One\n", 1, "no column with one of the names"),
        ("movies.csv", "id,movie,title\n1,2,One\n", 1, "several columns with one of the names"),
        ("movies.csv", "", 1, "the columns are none"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path, name, text, line, words):
    with pytest.raises(DataError) as caught:
        read_titles(write(tmp_path, name, text))
    assert words in caught.value.problem
    assert caught.value.line == line


def test_a_folder_needs_exactly_one_file_of_titles(tmp_path):
    with pytest.raises(DataError, match=r"no titles here; expected one of movies\.dat"):
        read_titles(tmp_path)
    write(tmp_path, "movies.dat", "1::x::y\n")
    write(tmp_path, "movies.csv", "id,title\n1,x\n")
    with pytest.raises(DataError, match=r"several files of titles: movies\.dat, movies\.csv"):
        read_titles(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        read_titles(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("name", "count", "id_", "title"),
    [
        ("ml-100k", 1_682, "1", "Toy Story (1995)"),
        ("ml-1m", 3_883, "2", "Jumanji (1995)"),
        ("ml-latest-small", 9_742, "11", "American President, The (1995)"),
        ("movietweetings-100k", 10_506, "0002844", "Fantômas - À l'ombre de la guillotine (1913)"),
    ],
)
def test_real_titles_are_read(datasets, name, count, id_, title):
    titles = read_titles(datasets / name)
    assert (len(titles), titles[id_]) == (count, title)
