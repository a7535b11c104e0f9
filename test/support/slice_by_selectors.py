"""Reads {"text", "citations"} from standard input and slices the text as the W3C selectors of each citation say.

Python's strings are sequences of Unicode code points, which is what TextPositionSelector counts.
"""

import json
import sys


def by_position(text, selector):
    return text[selector["start"] : selector["end"]]


def by_quote(text, selector):
    """Every place where the quote stands between its prefix and suffix."""
    whole = selector["prefix"] + selector["exact"] + selector["suffix"]
    found = []
    at = text.find(whole)
    while at >= 0:
        start = at + len(selector["prefix"])
        found.append([start, start + len(selector["exact"])])
        at = text.find(whole, at + 1)
    return found


asked = json.load(sys.stdin)
answers = []
for citation in asked["citations"]:
    selectors = {selector["type"]: selector for selector in citation["selectors"]}
    position = selectors["TextPositionSelector"]
    answers.append(
        {
            "sliced": by_position(asked["text"], position),
            "position": [position["start"], position["end"]],
            "places": by_quote(asked["text"], selectors["TextQuoteSelector"]),
        }
    )
json.dump(answers, sys.stdout)
