"""What an accessor says of what it has, and of what is to be had elsewhere."""

from __future__ import annotations


def lacking(obj: object, name: str, places: dict[type, str]) -> AttributeError:
    """The error for an attribute that an object lacks, with the place where it is to be had.

    Parameters
    ----------
    obj : object
        What was asked.
    name : str
        For what.
    places : dict of type to str
        Who may have it, and what to say then.

    Returns
    -------
    AttributeError
        To raise; Python adds a near name to its traceback.

    Examples
    --------
    >>> print(lacking(1, "sort", {list: "It is a method of lists."}))
    'int' object has no attribute 'sort'. It is a method of lists.
    """
    message = f"{type(obj).__name__!r} object has no attribute {name!r}"
    hint = next((hint for owner, hint in places.items() if hasattr(owner, name)), "")
    if hint and not name.startswith("_"):
        message = f"{message}. {hint}"
    return AttributeError(message, name=name, obj=obj)


def offers(obj: object) -> str:
    """What an object is and which methods it has, as its repr.

    Parameters
    ----------
    obj : object
        Of a class whose docstring begins with what it is.

    Returns
    -------
    str
        In angle brackets.
    """
    (what, *_) = (type(obj).__doc__ or "").replace("``", "").split(".\n")[0].split(". ")
    names = [name for name in dir(type(obj)) if not name.startswith("_")]
    return f"<{what.removesuffix('.')}: {', '.join(names)}>"
