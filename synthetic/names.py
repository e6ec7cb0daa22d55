"""Names that people could bear: Han, with middle dots, and in Latin letters."""

from __future__ import annotations

from typing import Final

from synthetic.dice import Dice

_FAMILY: Final[tuple[str, ...]] = (
    *"王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁",
    *"蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金贾夏付方邹熊白孟秦邱侯江",
    *("欧阳", "上官", "司马", "诸葛", "东方"),
)
_GIVEN: Final[tuple[str, ...]] = (
    *"伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英文玉华建国春梅红志海燕晓东",
    *"雪飞宇晨浩然子轩欣怡雨桐佳琪思远嘉宁博睿清源若溪承泽诗涵云帆",
)
_DOTTED_GIVEN: Final = ("阿卜杜拉", "买买提", "古丽娜尔", "艾尔肯", "帕提古丽", "努尔兰", "巴哈尔", "吐尔逊", "热依汗")
_DOTTED_FATHER: Final = ("艾合买提", "吐尔地", "克里木", "哈斯木", "沙吾提", "库尔班", "依明", "别克", "赛买提")
_LATIN_GIVEN: Final = ("MARIA", "JOHN", "ANNA", "DAVID", "SOFIA", "PETER", "ELENA", "THOMAS", "YUKI", "MINJUN", "LINH")
_LATIN_FAMILY: Final = ("GONZALEZ", "SMITH", "IVANOVA", "MUELLER", "ROSSI", "DUBOIS", "TANAKA", "KIM", "NGUYEN", "SILVA")


def han_name(dice: Dice) -> str:
    """A family name and one or two characters more; one in 25 is of two words with a middle dot between."""
    if dice.below(25) == 0:
        return f"{dice.of(_DOTTED_GIVEN)}·{dice.of(_DOTTED_FATHER)}"
    family = dice.of(_FAMILY)
    first = dice.of(_GIVEN)
    return family + first if dice.below(3) == 0 else family + first + dice.of(_GIVEN)


def latin_name(dice: Dice) -> str:
    """A name as a foreign passport prints it."""
    return f"{dice.of(_LATIN_GIVEN)} {dice.of(_LATIN_FAMILY)}"


def family_name(dice: Dice) -> str:
    """A Han family name alone."""
    return dice.of(_FAMILY)


def folded(name: str) -> str:
    """What two names of this world are compared by before any dirt is put on them."""
    return name.replace("·", "").replace(" ", "").casefold()
