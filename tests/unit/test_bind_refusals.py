"""What binding refuses is said in English and Chinese, with what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.query.bind import errors
from assay.query.bind.errors import CATALOGUE, BindRefusal
from assay.query.bind.features import BUILT_IN, feature_set

SOURCES = Path(errors.__file__).parent
CHINESE = re.compile("[\u4e00-\u9fff]")
CASES = {
    "no-feature": ([], "No feature is asked for.\nThere are: ", "没有要求任何特征。\n可选："),
    "taken": (
        ["mean = last - first"],
        "'mean' is the name of a built-in feature or function.\nGive your own feature another name.",
        "'mean' 是内置特征或函数的名称。\n请给自己的特征另取名称。",
    ),
    "twice": (
        ["mean", "mean"],
        "The feature 'mean' is asked for twice.\nLeave one of them out.",
        "特征 'mean' 要求了两次。\n请去掉其中一个。",
    ),
    "circle": (
        ["rise = fall + 1", "fall = rise - 1"],
        "The feature 'rise' needs itself: rise → fall → rise.\nBreak the circle.",
        "特征 'rise' 依赖自身：rise → fall → rise。\n请解除循环。",
    ),
    "feature": (
        ["maen"],
        "There is no feature named 'maen'.\nDid you mean 'mean'",
        "没有名为 'maen' 的特征。\n是否想写 'mean'",
    ),
    "arithmetic": (
        ["rise = last > first"],
        "The feature 'rise' is not arithmetic: 'last > first'.\nUse + - * /, numbers, ",
        "特征 'rise' 不是算式：'last > first'。\n可用 + - * /、数值、",
    ),
    "limits": (
        ["time_in_band(220, 180)"],
        "time_in_band(220, 180): the lower limit is above the upper one, or the hold is negative.\n",
        "time_in_band(220, 180)：下限高于上限，或保持时间为负。\n",
    ),
}


@pytest.mark.parametrize("key", CASES)
def test_a_refusal_says_what_and_what_to_do_in_both_languages(key: str) -> None:
    asked, english, chinese = CASES[key]
    with pytest.raises(BindRefusal) as caught:
        feature_set(asked, [])
    assert str(caught.value).startswith(english)
    texts = (caught.value.said, caught.value.advice)
    assert "\n".join(text.zh for text in texts if text).startswith(chinese)


def test_code_and_catalogue_name_the_same_texts() -> None:
    code = "\n".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py"))
    raised = set(re.findall(r'(?:BindRefusal|ReadingsUnreadable)\.of\(\s*"([a-z-]+)"', code))
    raised |= {f"note.{key}" for key in re.findall(r'\bnote\("([a-z-]+)"', code)}
    raised |= {f"note.{key}" for key in re.findall(r"THEN '([a-z-]+)'", code)}  # why a step is left out
    raised |= set(re.findall(r'CATALOGUE\.(?:text|say)\("bind\.([a-z-]+)"', code))
    # keys that are put together: of what must not be negative, what a table lacks, what no step has
    raised |= {"lateness", "remembered", "readings-column", "movements-column"}
    raised |= {"no-segment", "no-equipment", "no-subject"}
    chinese = CATALOGUE.keys("zh").items()
    texts = {key.removeprefix("bind."): text for key, text in chinese if key.startswith("bind.")}
    assert raised == {key for key in texts if not key.endswith("-hint")}
    assert all(CHINESE.search(text) for text in texts.values())


def test_every_feature_there_is_is_named() -> None:
    with pytest.raises(BindRefusal) as caught:
        feature_set(["zzz"], [])
    assert caught.value.advice is not None
    for name in BUILT_IN:
        assert name in caught.value.advice.zh
