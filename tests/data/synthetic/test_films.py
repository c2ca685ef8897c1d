"""Synthetic films: what was planted is in the ratings, and a model finds it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from refeed.data.splits.time import UserTimeSplit
from refeed.data.synthetic.films import (
    AVOIDED,
    FIRST_YEAR,
    LAST_YEAR,
    LIKED,
    LIKED_GENRES,
    NOUNS,
    SyntheticFilms,
    synthetic_films,
)
from refeed.inference.recommend import recommend
from refeed.models import BayesianFactorisation
from refeed.runtime import Runtime
from refeed.training.train import train


@pytest.fixture(scope="module")
def films() -> SyntheticFilms:
    """The films of seed 0 with fewer users."""
    return synthetic_films(num_users=200, num_films=160, seed=0)


def liked(films: SyntheticFilms, user: int, item: int) -> bool:
    """Whether the film has a genre that the user likes; ids of both."""
    return films.genres[item - 1] in films.liked_genres[user - 1]


def test_every_film_has_a_title_of_its_own_that_ends_in_its_year_and_genre(films):
    assert len(set(films.titles)) == len(films.titles) == 160
    for title, genre, year in zip(films.titles, films.genres, films.years, strict=True):
        assert re.fullmatch(rf"[A-Z]\S+( \S+)+ \({year}\) · {genre}", title)
        assert FIRST_YEAR <= year <= LAST_YEAR
    assert {genre: films.genres.count(genre) for genre in NOUNS} == dict.fromkeys(NOUNS, 20)


def test_a_thousand_films_still_have_titles_of_their_own():
    assert len(set(synthetic_films(num_users=5, num_films=1000).titles)) == 1000


def test_ratings_are_half_stars_with_times(films):
    ratings = films.ratings
    assert set(np.unique(ratings.values)) <= set(np.arange(0.5, 5.5, 0.5))
    assert (ratings.scale.minimum, ratings.scale.maximum) == (0.5, 5.0)
    assert ratings.timestamps is not None
    assert ratings.user_counts.min() >= 10
    assert "no person gave these ratings" in ratings.notes[0]


def test_same_seed_gives_the_same_films_and_ratings(films):
    again, other = (synthetic_films(num_users=200, num_films=160, seed=seed) for seed in (0, 1))
    assert again.ratings.fingerprint == films.ratings.fingerprint != other.ratings.fingerprint
    assert (again.titles, again.liked_genres) == (films.titles, films.liked_genres)
    assert again.titles != other.titles


def test_users_rate_the_genres_that_they_like_higher_and_oftener(films):
    ratings = films.ratings
    users = ratings.users.decode(ratings.row_of_rating)
    items = ratings.items.decode(ratings.indices)
    is_liked = np.array([liked(films, user, item) for user, item in zip(users, items, strict=True)])
    assert all(len(genres) == LIKED_GENRES for genres in films.liked_genres)
    assert is_liked.mean() > 1.3 * LIKED_GENRES / len(NOUNS)
    difference = ratings.values[is_liked].mean() - ratings.values[~is_liked].mean()
    assert 0.7 * LIKED < difference < LIKED - AVOIDED


def test_model_recommends_mostly_the_planted_favourite_genres(films):
    split = UserTimeSplit(fraction=0.1).apply(films.ratings)
    spec = BayesianFactorisation(factors=8, samples=15, burn_in=8, session_minutes=None)
    model = train(spec, split, runtime=Runtime(seed=0))
    shares = [np.mean([liked(films, user, found.item) for found in recommend(model, user, k=10)]) for user in range(1, 201)]
    assert np.mean(shares) > 0.6  # by chance 0.25
