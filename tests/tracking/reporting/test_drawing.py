"""Lines as SVG."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from tracking.reporting.drawing import Polyline, draw


def test_a_drawing_has_a_name_and_ends_where_its_numbers_end() -> None:
    svg = draw(
        [Polyline("one & two", [(1, 0.5), (3, 0.9)], "#000")], title="A title", across="x", up="y"
    )
    root = ET.fromstring(svg)
    assert root.attrib["aria-label"] == "A title"
    (line,) = root.iter("{http://www.w3.org/2000/svg}polyline")
    assert re.findall(r"[\d.]+", line.attrib["points"]) == ["60.0", "236.0", "540.0", "34.0"]


def test_a_single_point_can_be_drawn() -> None:
    svg = draw([Polyline("one", [(1, 0.5)], "#000")], title="t", across="x", up="y")
    assert "nan" not in svg.lower()
