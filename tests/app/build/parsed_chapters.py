"""A chapter that is right, with every kind of block, and how tests parse chapters."""

from pathlib import Path

from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import (
    Chapter,
    Reference,
    Text,
)

WORKS = {
    "ho2020": Reference(
        "ho2020", "Ho, Jain & Abbeel", 2020, "Denoising", "NeurIPS", "https://arxiv.org/abs/2006.11239"
    ),
    "song2019": Reference("song2019", "Song & Ermon", 2019, "Gradients", "NeurIPS", "https://arxiv.org/abs/1907.05600"),
}

FRONT = """---
number: 7
title: A title
lede: What it is about.
minutes: 20
builds_on: [01-forward]
objectives:
  - Do this.
---
"""

BODY = """
## Where $t$ begins

See {eq}`second` before {eq}`first`, after {citet}`song2019` and {cite}`ho2020`, again {cite}`song2019, ho2020`.

:::{equation} first
a = b
---
Words on {eq}`second`:

- $a_1$: one
- $b_1$: other
:::

| level | formula |
| --- | --- |
| low | $c_1$ and {eq}`first` |

:::{predict}
What is $d_1$?

Think of {eq}`first`.
---
It is $d_2$.

And {eq}`second`.
:::

:::{instrument} ring
:mode: reverse
:num_levels: 30
A caption with $e_1$.

And {set}`ring progress=0.5 show_paths=true | half of $e_2$`.
:::

:::{equation} second
\\begin{aligned}
c &= d
\\end{aligned}
---
More words.
:::

```{cell} draw
:title: Draw it
import numpy as np

print(1)   # spaces stay

```

:::{quiz} how-many
:answer: 2 * np.pi
:tolerance: 0.01
:mistake: np.pi | Half of $h_1$, see {eq}`first`.
:mistake: 4 * np.pi | Twice | as many.
:hint: Round $f_1$, by {eq}`first`.
How many $f_2$?
---
So many: {answer:.2f}, by {eq}`second`.
:::

## And the end

:::{note} For teachers, $g_1$
:fold:
Ask.
:::

```{cell} again
:title: Draw it again
print(2)
```

:::{references}
:::
"""


def parse(body: str, front: str = FRONT) -> Chapter:
    return parse_chapter(Path("chapters/07-name.md"), front + body, WORKS)


def html_of(block: object) -> str:
    """All HTML and marks of a block."""
    values = list(vars(block).items())
    values[4:4] = [("words", mistake.words) for mistake in getattr(block, "mistakes", ())]
    return "".join(value.html if isinstance(value, Text) else value for name, value in values
                   if isinstance(value, Text) or name == "mark")  # fmt: skip
