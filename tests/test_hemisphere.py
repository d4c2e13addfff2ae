from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsiparc.atlas.hemisphere import hemisphere_of_cell, infer_hemisphere, without_side

LEFT_NAMES = """
ctx-lh-bankssts ctx_lh_G_and_S_frontomargin wm-lh-insula Left-Thalamus-Proper Left-I-IV
Left-L-Sg Left-R left-cerebral-white-matter 7Networks_LH_Vis_1 17Networks_LH_ContA_PFCl_1
LH_Vis_1 LH-SNc_PBP_VTA lh.cuneus thalamus.lh Hippocampus_left THALAMUS_LEFT AVN_lh hemi-L
SFG_L_7_1 L_V1_ROI L_5L L_RI L_V1_ROI-lh Precentral_L Cerebelum_4_5_L L.BSTS N_Thalamus-9-L
L_Fornix_(Cres)+Stria_Terminalis HIP-head-l-l HIP-body-l HIP-head-m-lh lAMY-lh CAU-DA-lh
PUT-DA-l LeftThalamus leftThalamus ThalamusLeft lefthippocampus Left1 BA44left V1LH LHThalamus
lh_7Networks_LH_Vis_1 af_l LHippocampus HippocampusL L Left LH
"""

RIGHT_NAMES = """
17Networks_RH_DefaultA_1 ctx-rh-bankssts HIP-head-l-rh HIP-head-l-r THA-VPl-rh lAMY-rh
R_Fornix_(Cres)+Stria_Terminalis R_5L R_LBelt R_7AL Cerebelum_Crus1_R Right-Cerebellum-Cortex
Right-L-Sg Right-LH R_a9-46v rhinal_R RThalamus ThalamusR Right-lOg
Nuclei_ThalamusR RThalamus_Nuclei
"""

NEITHER_NAMES = """
Vermis_1_2 Brain-Stem CC_Posterior 3rd-Ventricle 4th-ventricle CSF Line-1 R-C-S
Cerebellar_Region1 Region_L1 V1 LBelt lAMY Fornix_Column+Body Middle_Cerebellar_Peduncle
interhemispheric_cleft rhomboid lhb RHb Lateral_Ventricle DMN_LABEL_1 SMl_LABEL_14 Thalamus_LR
L/R L+R Thalamus_l/r L_R-l left-right-commissure bright 5 ??? -
"""


@pytest.mark.parametrize("name", LEFT_NAMES.split())
def test_left(name):
    assert infer_hemisphere(name) == "L"


@pytest.mark.parametrize("name", RIGHT_NAMES.split())
def test_right(name):
    assert infer_hemisphere(name) == "R"


@pytest.mark.parametrize("name", NEITHER_NAMES.split())
def test_neither_or_both(name):
    assert infer_hemisphere(name) == "bilateral"


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("Left Cerebral White Matter", "L"),
        ("Corticospinal tract R", "R"),
        ("Fornix (cres) / Stria terminalis (can not be resolved) L", "L"),
        ("aSTG l (Superior Temporal Gyrus, anterior division Left)", "L"),
        ("Area 44 (IFG), right", "R"),
        ("Cingulum (cingulate gyrus)", "bilateral"),
        ("Cerebellum and Midbrain", "bilateral"),
        ("Sillon de l'insula", "bilateral"),
        ("left and right thalamus", "bilateral"),
        ("Thalamus (L+R)", "bilateral"),
        ("  R_V1\t", "R"),
        ("", "bilateral"),
    ],
)
def test_names_with_spaces(name, side):
    assert infer_hemisphere(name) == side


@given(st.text())
def test_any_text_has_an_answer(name):
    assert infer_hemisphere(name) in {"L", "R", "bilateral"}


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["C"], exclude_characters="lLrR")),
    st.sampled_from(["_", "-", ".", " ", "/"]),
)
def test_a_sign_set_apart_decides_over_any_text_without_l_and_r(rest, separator):
    assert infer_hemisphere(f"LH{separator}{rest}") == "L"
    assert infer_hemisphere(f"R{separator}{rest}") == "R"


@pytest.mark.parametrize(
    ("cell", "side"),
    [
        *((cell, "L") for cell in ("L", "left", " LH ", "Left Hemisphere", "hemi-L")),
        *((cell, "R") for cell in ("r", "Right", "rh", "right hemisphere", "hemi-R")),
        *((cell, "bilateral") for cell in ("B", "bi", "LR", "bilat", "bilateral", "both")),
        *((cell, "bilateral") for cell in ("m", "mid", "medial", "midline", "None")),
        *((cell, None) for cell in ("n/a", "", "2")),
    ],
)
def test_cells_of_a_hemisphere_column(cell, side):
    assert hemisphere_of_cell(cell) == side


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Thalamus (L)", "Thalamus"),
        ("Thalamus [ R ]", "Thalamus"),
        ("ctx_lh_G-lh", "ctx_G"),
        ("Brain-Stem", "Brain-Stem"),
    ],
)
def test_a_name_without_its_side(name, expected):
    assert without_side(name) == expected
