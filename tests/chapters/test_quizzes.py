"""The quizzes of the chapters: each answers the mistakes that are to be expected."""

from __future__ import annotations

import pytest

from diffusion_lab.app.build import prerender
from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import Quiz
from diffusion_lab.app.build.site import chapter_paths, read_references

QUIZZES: dict[str, Quiz] = {
    quiz.label: quiz
    for path in chapter_paths()
    for quiz in parse_chapter(path, path.read_text("utf-8"), read_references()).of(Quiz)
}


@pytest.mark.parametrize("label", QUIZZES)
def test_each_quiz_answers_one_to_three_mistakes(label):
    quiz = QUIZZES[label]
    assert 1 <= len(quiz.mistakes) <= 3
    asked = [label, quiz.answer, quiz.tolerance, [[mistake.value, 1] for mistake in quiz.mistakes]]
    assert len(prerender.answer_quizzes([asked])[label][2]) == len(quiz.mistakes)
    for mistake in quiz.mistakes:
        assert mistake.words.markdown.endswith((".", "?")), "a sentence"
