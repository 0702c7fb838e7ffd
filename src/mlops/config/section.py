"""What a section of the configuration is: frozen, checked, without computed values; its types."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _one_line(text: str) -> str:
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in text):
        raise ValueError("expected one line of text, found a control character or a line break")
    return text


Text = Annotated[str, Field(min_length=1)]
Name = Annotated[Text, AfterValidator(_one_line)]  # what is printed, linked and logged
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Scalar = str | int | float | bool


class Section(BaseModel):
    """A frozen part of the configuration; an unknown key or a wrong type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: object) -> None:
        """Refuse a value that is computed here: no stage would run again if that changed."""
        for name, value in vars(cls).items():
            if isinstance(value, property):
                raise TypeError(
                    f"{cls.__module__}.{cls.__name__}.{name} is computed, not a value of "
                    "params.yaml; write a function in the code of the stage that uses it"
                )
