"""The maps of a tutorial tree: which software leaves which, under what name."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from qsiparc.entities import parse_entities

_MEANINGS: Final = {
    "fa": ("Fractional anisotropy", "1"),
    "md": ("Mean diffusivity", "mm^2/s"),
    "icvf": ("Intracellular volume fraction", "1"),
    "modulated": ("Intracellular volume fraction times tissue fraction", "1"),
    "od": ("Orientation dispersion index", "1"),
    "isovf": ("Isotropic volume fraction", "1"),
    "direction": ("Direction of the fibres: x, y and z in the world", "1"),
    "rtop": ("Return-to-origin probability", "1/mm^3"),
}
_MODELS: Final[dict[str, dict[str, Any]]] = {
    "noddi": {"ParallelDiffusivity": 0.0017, "IsotropicDiffusivity": 0.003},
    "tensor": {"FitMethod": "wls"},
    "mapmri": {"RadialOrder": 4},
}


class MapKind(NamedTuple):
    """One map that a software leaves of every scan.

    Parameters
    ----------
    software : str
        As in ``qsirecon-<software>``.
    name : str
        The entities that tell it from the software's other maps.
    signal : str
        What :func:`~qsiparc.phantom.scan.show` is to show.
    bias : float
        A factor on what the software sees.
    in_template : bool
        Whether there is one in template space too.
    """

    software: str
    name: str
    signal: str
    bias: float = 1.0
    in_template: bool = False

    def sidecar(self) -> dict[str, Any]:
        """What the JSON file beside the map says.

        Examples
        --------
        >>> MAPS[-1].sidecar()["Units"]
        '1'
        """
        model = parse_entities(self.name).get("model", "tensor")
        long_name, units = _MEANINGS[self.signal]
        return {
            "LongName": long_name,
            "Description": f"{long_name}, synthetic, as of {self.software}",
            "Units": units,
            "Model": {"Description": model, "Parameters": _MODELS[model]},
            "SkullStripped": True,
        }


MAPS: Final = (
    MapKind("AMICONODDI", "param-FA", "fa"),
    MapKind("AMICONODDI", "model-noddi_param-icvf", "icvf"),
    MapKind("AMICONODDI", "model-noddi_param-icvf_desc-modulated", "modulated"),
    MapKind("AMICONODDI", "model-noddi_param-od", "od"),
    MapKind("AMICONODDI", "model-noddi_param-isovf", "isovf"),
    MapKind("AMICONODDI", "model-noddi_param-direction", "direction"),
    MapKind("DSIStudio", "model-tensor_param-fa", "fa", bias=0.98, in_template=True),
    MapKind("DSIStudio", "model-tensor_param-md", "md", in_template=True),
    MapKind("TORTOISE", "model-mapmri_param-rtop", "rtop"),
    MapKind("TORTOISE", "model-tensor_param-fa", "fa", bias=1.02),
)
"""All of them."""
