"""Receipts from a chapter's end and an instrument's menu, and the page that reads them."""

from __future__ import annotations

import csv

from playwright.sync_api import expect

from .lab import PHONE, Lab


def test_what_was_done_is_handed_in_as_a_code_and_read_as_a_table(lab: Lab) -> None:
    lab.open()
    quizzes = lab.page.locator("form[data-quiz]")
    right = str(quizzes.first.get_attribute("data-answer"))
    for number, text in enumerate((right, "77")):
        quizzes.nth(number).locator("input").fill(text)
        quizzes.nth(number).get_by_role("button", name="Check").click()
    button = lab.page.locator(".take [data-receipt]")
    button.click()
    dialog = lab.page.locator("dialog")
    expect(dialog).to_contain_text("1 of 5 questions and exercises done.")
    work = dialog.locator("textarea").input_value()
    assert len(work) < 120
    lab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()

    lab.slide("t", 0.4)
    lab.shows("t", "0.4")
    lab.instrument.locator(".menu summary").click()
    lab.instrument.locator("[data-do=receipt]").click()
    expect(dialog.locator("tr")).to_have_text(["t0.4"])
    state = dialog.locator("textarea").input_value()
    reader = dialog.locator("a").evaluate("(link) => link.href")
    assert reader == f"{lab.site}receipts.html"

    lab.page.goto(reader)
    wrong = work[:20] + ("7" if work[20] != "7" else "8") + work[21:]
    lab.page.locator("#codes").fill(f"Ada Lovelace: {work}\n=1+1 {state}\nGrace Hopper: {wrong}\nAda again\n{work}")
    rows = lab.page.locator(".receipts tbody tr")
    expect(rows).to_have_count(4)
    expect(lab.page.locator(".receipts .sum")).to_have_text("4 codes. 1 cannot be read. 1 is a repetition.")
    for text in ("Ada Lovelace", "1. The forward process", "1 of 5 done", f"Question 1: {right}, right"):
        expect(rows.nth(0)).to_contain_text(text)
    expect(rows.nth(0)).to_contain_text("Question 2: 77, tried, not right")
    expect(rows.nth(2)).to_contain_text("The checksum does not fit: a character was changed.")
    expect(rows.nth(3)).to_contain_text("The same code as in line 1.")
    lab.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert lab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing scrolls sideways"
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Save as CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["text"] for row in table] == ["Ada Lovelace", "'=1+1", "Grace Hopper", "Ada again"]
    assert [row["done"] for row in table] == ["1", "", "", "1"]
    rows.nth(1).get_by_role("link").click()
    lab.wait_live()
    assert lab.value("t") == 0.4
