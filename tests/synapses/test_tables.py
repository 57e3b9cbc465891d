"""Tables of synapses: ids to the last digit, layouts as they are recognised, a reason for every row left out."""

import sys

import numpy as np
import pandas as pd
import pytest

from plastodyn import synapses

A, B = 648518346349539437, 648518346349539438
"""Two ids of 64 bits that are one and the same float."""
MICRONS = "id,pre_root_id,post_root_id,cleft_vx,spine_vol_um3\n"


def write(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_ids_are_read_to_the_last_digit_even_where_a_row_has_none(tmp_path):
    assert float(A) == float(B)
    path = write(tmp_path, f"axon,dendrite,size\n{A},1,1\n{B},1,1\n,1,1\n{A},1,1\n")
    found = synapses.read(path)
    assert found.axon.tolist() == [str(A), str(B), str(A)]
    assert found.left_out == {"no axon or dendrite id": 1}
    assert synapses.exact_pairs(found).members.tolist() == [0, 2]


def test_whole_numbers_written_as_floats_are_the_same_ids(tmp_path):
    path = write(tmp_path, "axon,dendrite,size\n12,1.0,1\n12.0,1,1\n012,1,1\n")
    assert synapses.exact_pairs(synapses.read(path)).members.tolist() == [0, 1]


@pytest.mark.parametrize("rounded", ["6.48518346349539e17", "648518346349539437.0", "6E17"])
def test_rounded_ids_are_refused(tmp_path, rounded):
    path = write(tmp_path, f"axon,dendrite,size\n{rounded},1,1\n{rounded},1,1\n")
    with pytest.raises(ValueError, match=r"axon must be ids to the last digit"):
        synapses.read(path)


def test_microns_is_recognised_and_its_second_size_is_read(tmp_path):
    path = write(tmp_path, MICRONS + f"1,{A},7,100,0.1\n2,{A},7,1000,10\n3,0,7,10,1\n4,{A},7,0,0\n5,{A},7,0,1\n")
    found = synapses.read(path)
    assert (found.source, found.unit) == (synapses.MICRONS.source, "µm³")
    np.testing.assert_allclose(found.value, [-1, 1, 0], atol=1e-15)
    np.testing.assert_array_equal(found.second, [2, 3, np.nan])
    assert found.left_out == {"no axon or dendrite id": 1, "no size above 0": 1}
    assert found.rows_read == 5


def test_a_layout_asked_for_is_used_and_named_columns_go_before_its_own(tmp_path):
    path = write(tmp_path, MICRONS.replace("\n", ",volume\n") + f"1,{A},7,10,0.1,100\n2,{A},7,10,10,1000\n")
    assert synapses.read(path, size="volume").value.tolist() == [2, 3]
    assert synapses.read(path, source="microns", size="volume", second_size="spine_vol_um3").second.tolist() == [-1, 1]
    with pytest.raises(ValueError, match=r"axon must be a heading of the table: .*pre_root_id.*; got 'axon'"):
        synapses.read(path, source="plain")


def kasthuri(rows):
    """A table as Kasthuri's: headings of several lines, a second row of them, and the columns that count."""
    headings = ["Synapse No.", "Axon No", "Dendrite No", "Axon type\nExcitatory = 0", "Spine synapse  = 1\nShaft synapse = 0"]
    return pd.DataFrame([[*headings, "Spine Volume\n(cubic microns)"], ["", "", "", "", "", "x"], *rows])


def test_kasthuri_is_recognised_and_only_excitatory_synapses_on_spines_count(tmp_path):
    rows = [
        [1, 5, 6, 0, 1, 100],
        [2, 5, 6, 0, 1, 10],
        [3, 5, 6, 1, 1, 10],
        [4, 5, 6, 0, 0, 10],
        [5, 5, 6, 0, 1, -1],
        [6, 0, 6, 0, 1, 1],
    ]
    path = tmp_path / "table.csv"
    kasthuri(rows).to_csv(path, header=False, index=False)
    found = synapses.read(path)
    assert found.source == synapses.KASTHURI.source
    assert found.value.tolist() == [2, 1]
    assert found.rows_read == 6
    reasons = {"no axon or dendrite id": 1, "no size above 0": 1, "Axon type is not 0": 1, "Spine synapse is not 1": 1}
    assert found.left_out == reasons


def test_every_row_is_used_or_left_out_for_one_reason(tmp_path):
    path = write(tmp_path, "axon,dendrite,size\n,1,0\n1,1,1\n1,1,\n1,nan,1\n1,1,inf\n1,1,-2\n")
    found = synapses.read(path)
    assert found.rows_read == len(found.value) + sum(found.left_out.values()) == 6
    assert found.left_out == {"no axon or dendrite id": 2, "no size above 0": 3}


def test_sizes_at_two_times_become_changes_of_log_size(tmp_path):
    path = write(tmp_path, "axon,dendrite,size,later\n1,1,1,10\n1,1,10,1\n1,1,1,0\n")
    found = synapses.read(path, later_size="later")
    assert (found.of, found.value.tolist()) == ("changes", [1, -1])
    assert found.left_out == {"no later size above 0": 1}
    with pytest.raises(ValueError, match="later_size cannot be given with second_size"):
        synapses.read(path, later_size="later", second_size="size")


def test_tables_with_tabs_and_a_mark_of_byte_order_are_read(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("axon\tdendrite\tsize\n1\t1\t10\n", encoding="utf-8-sig")
    assert synapses.read(path).value.tolist() == [1]


def excel(monkeypatch, tmp_path, frame):
    """A file of Excel's as pandas would read it; to write one takes a package that this project does without."""
    monkeypatch.setattr(pd, "read_excel", lambda *_, **reading: frame.astype(reading["dtype"]))
    return write(tmp_path, "", "table.xls")


def test_excel_holds_whole_numbers_as_floats(monkeypatch, tmp_path):
    frame = kasthuri([[1, 5.0, 6.0, 0.0, 1.0, 100.0], [2, 5, 6, 0, 1, 10], [3, 5, 6, 2.0, 1, 10]])
    found = synapses.read(excel(monkeypatch, tmp_path, frame))
    assert found.axon.tolist() == ["5", "5"]
    assert found.left_out == {"Axon type is not 0": 1}


def test_ids_that_excel_has_rounded_are_refused(monkeypatch, tmp_path):
    frame = pd.DataFrame([["axon", "dendrite", "size"], [A, 1, 1.0], [A, 1, 2.0]], dtype=object)
    with pytest.raises(ValueError, match=r"axon must be ids to the last digit"):
        synapses.read(excel(monkeypatch, tmp_path, frame))


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, tmp_path):
    path = tmp_path / "table.xls"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1"))  # how files of this kind begin
    monkeypatch.setitem(sys.modules, "xlrd", None)
    with pytest.raises(ValueError, match=r"pip install 'plastodyn\[tables\]'.*got 'table.xls'") as refused:
        synapses.read(path)
    assert len(str(refused.value).splitlines()) == 1


def test_changes_are_told_apart_by_condition(tmp_path):
    path = write(tmp_path, "drug,d\nOn,1\nblocked ,2\non,3\n")
    on, blocked = synapses.read_changes(path, change="d", condition="drug")
    assert (on.tolist(), blocked.tolist()) == ([1, 3], [2])
    with pytest.raises(ValueError, match=r"condition must be on or blocked .*; got 'off'"):
        synapses.read_changes(write(tmp_path, "condition,change\noff,1\non,2\n"))
    with pytest.raises(ValueError, match=r"change must be a number .* row 2"):
        synapses.read_changes(write(tmp_path, "condition,change\non,1\non,x\n"))
