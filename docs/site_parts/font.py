"""Makes the font of the site's equations from Latin Modern Math: ``python -m site_parts.font latinmodern-math.otf``.

It keeps the glyphs that equations use. The sign of a derivative becomes the one that the font has for superscripts, because
browsers do not choose it themselves.
"""

import sys
from pathlib import Path

from fontTools import subset

FONT = Path(__file__).parents[1] / "_static" / "plastodyn-math.woff"
_NAME = "Plastodyn Math"
# Latin, accents, Greek, punctuation, letters such as ℓ, arrows, operators, delimiters, and the mathematical alphabets.
_KEPT = (
    "20-7e a0-ac b0-b7 d7 f7 2c6-2dd 300-308 30a-30c 338 391-3d6 3f0-3f5 2010-2064 210e-2113 211b-211d 2124 2190-2195 21a6 "
    "21d0-21d4 2200-222e 223c-223d 2243-224d 2254-2255 225f-226b 227a-227b 2282-2287 2295-2299 22a4-22a5 22c5-22c6 22ee-22f1 "
    "2308-230b 23b4-23b5 23de-23df 27e8-27e9 1d400-1d467 1d49c-1d4b5 1d6a4-1d6a5 1d6e2-1d71b 1d7ce-1d7d7"
)
_DERIVATIVES = (0x2032, 0x2033, 0x2034)
_NAMES = {1: _NAME, 3: _NAME, 4: _NAME, 6: _NAME.replace(" ", ""), 16: _NAME}


def _codes() -> list[int]:
    """The code points that are kept."""
    ends = [[int(end, 16) for end in part.split("-")] for part in _KEPT.split()]
    return [code for part in ends for code in range(part[0], part[-1] + 1)]


def main(source: str) -> None:
    """Write the font beside the style sheet."""
    options = subset.Options(flavor="woff", layout_features=[], hinting=False, name_IDs=["*"], notdef_outline=True)
    font = subset.load_font(source, options)
    drawn = font.getBestCmap()
    raised = {code: f"{drawn[code]}.st" for code in _DERIVATIVES}
    for table in font["cmap"].tables:
        table.cmap = {code: raised.get(code, name) for code, name in table.cmap.items()}
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=_codes())
    cutter.subset(font)
    for record in list(font["name"].names):
        if record.nameID in _NAMES:
            font["name"].setName(_NAMES[record.nameID], record.nameID, record.platformID, record.platEncID, record.langID)
    font["CFF "].cff.fontNames = [_NAMES[6]]
    subset.save_font(font, str(FONT), options)


if __name__ == "__main__":
    main(sys.argv[1])
