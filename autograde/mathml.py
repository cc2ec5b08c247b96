r"""TeX formulas as MathML, which browsers show, print and read aloud with neither a script nor the network.

In: the TeX between the dollar signs of a Markdown cell, of the part of the language that the course uses.
Out: a `<math>` element, or the formula as code where it holds something else. Trusts nothing: all text is
escaped, length and depth are limited. The elements are those of MathML Core
(https://www.w3.org/TR/mathml-core/).
"""

import functools
import re
from html import escape

LONGEST, DEEPEST = 2000, 40
TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
LETTERS = dict(
    zip(
        "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
        " upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell infty"
        " partial nabla emptyset hbar Re Im".split(),
        "α β γ δ ϵ ε ζ η θ ι κ λ μ ν ξ π ρ σ τ υ ϕ φ χ ψ ω Γ Δ Θ Λ Ξ Π Σ Φ Ψ Ω ℓ ∞ ∂ ∇ ∅ ℏ ℜ ℑ".split(),
    )
)
OPERATORS = dict(
    zip(
        "le leq ge geq ne neq approx sim simeq equiv propto ll gg in notin subset pm mp cdot times div circ"
        " ast star odot otimes oplus leftarrow rightarrow to gets mapsto Leftarrow Rightarrow implies"
        " Longrightarrow Leftrightarrow iff Longleftrightarrow uparrow downarrow dots ldots cdots vdots ddots"
        " mid parallel perp top bot forall exists neg land lor cap cup setminus prime dagger".split(),
        "≤ ≤ ≥ ≥ ≠ ≠ ≈ ∼ ≃ ≡ ∝ ≪ ≫ ∈ ∉ ⊂ ± ∓ ⋅ × ÷ ∘ ∗ ⋆ ⊙ ⊗ ⊕ ← → → ← ↦ ⇐ ⇒ ⟹ ⟹ ⇔ ⟺ ⟺ ↑ ↓ … … ⋯ ⋮ ⋱ ∣ ∥ ⟂ ⊤"
        " ⊥ ∀ ∃ ¬ ∧ ∨ ∩ ∪ ∖ ′ †".split(),
    )
)
FENCES = {
    "lfloor": "⌊",
    "rfloor": "⌋",
    "lceil": "⌈",
    "rceil": "⌉",
    "langle": "⟨",
    "rangle": "⟩",
    "lvert": "|",
    "rvert": "|",
    "vert": "|",
    "lVert": "‖",
    "rVert": "‖",
    "Vert": "‖",
    "|": "‖",
    "{": "{",
    "}": "}",
    "lbrace": "{",
    "rbrace": "}",
}
FUNCTIONS = set("log ln exp sin cos tan tanh sinh cosh det dim ker tr arg sgn deg gcd Pr".split())
LIMITS = {
    "sum": "∑",
    "prod": "∏",
    "max": "max",
    "min": "min",
    "lim": "lim",
    "sup": "sup",
    "inf": "inf",
    "argmin": "arg min",
    "argmax": "arg max",
}
INTEGRALS = {"int": "∫", "iint": "∬", "oint": "∮"}
ACCENTS = {
    "hat": "^",
    "widehat": "^",
    "bar": "¯",
    "overline": "¯",
    "tilde": "~",
    "widetilde": "~",
    "dot": "˙",
    "ddot": "¨",
    "vec": "→",
}
SPACES = {
    ",": 0.17,
    ":": 0.22,
    ">": 0.22,
    ";": 0.28,
    "!": -0.17,
    " ": 0.25,
    "quad": 1.0,
    "qquad": 2.0,
    "thinspace": 0.17,
}
SIZES = {
    name + side: size
    for name, size in (("big", 1.2), ("Big", 1.8), ("bigg", 2.4), ("Bigg", 3.0))
    for side in ("", "l", "r", "m")
}
ALPHABETS = {
    "mathcal": (0x1D49C, 0x1D4B6),
    "mathbb": (0x1D538, 0x1D552),
    "mathbf": (0x1D400, 0x1D41A),
    "boldsymbol": (0x1D468, 0x1D482),
}
IRREGULAR = {
    0x1D49D: "ℬ",
    0x1D4A0: "ℰ",
    0x1D4A1: "ℱ",
    0x1D4A3: "ℋ",
    0x1D4A4: "ℐ",
    0x1D4A7: "ℒ",
    0x1D4A8: "ℳ",
    0x1D4AD: "ℛ",
    0x1D53A: "ℂ",
    0x1D53F: "ℍ",
    0x1D545: "ℕ",
    0x1D547: "ℙ",
    0x1D548: "ℚ",
    0x1D549: "ℝ",
    0x1D551: "ℤ",
}
BRACKETS = {
    "matrix": ("", ""),
    "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"),
    "vmatrix": ("|", "|"),
    "cases": ("{", ""),
    "aligned": ("", ""),
    "align": ("", ""),
    "align*": ("", ""),
    "split": ("", ""),
}


class Unknown(ValueError):
    """The formula holds something that is not translated here."""


@functools.lru_cache(4000)
def mathml(tex: str, block: bool = False) -> str:
    """The formula `tex` as a `<math>` element, on a line of its own if `block`; as code where it cannot be
    translated.
    """
    shown = tex.strip()
    try:
        if len(shown) > LONGEST:
            raise Unknown
        body = _Reader(shown).whole()
    except (Unknown, RecursionError):
        return f'<code class="tex">{escape(shown)}</code>'
    display = "block" if block else "inline"
    return (
        f'<math display="{display}"><semantics><mrow>{body}</mrow>'
        f'<annotation encoding="application/x-tex">{escape(shown)}</annotation></semantics></math>'
    )


def _element(name: str, content: str, attributes: str = "") -> str:
    return f"<{name}{attributes}>{content}</{name}>"


def _operator(text: str, attributes: str = ' stretchy="false"') -> str:
    return _element("mo", escape(text), attributes)


def _space(width: float) -> str:
    return f'<mspace width="{width}em"/>'


class _Reader:
    """Reads tokens from left to right; each method returns the MathML of what it has read."""

    def __init__(self, tex: str):
        self.tokens = TOKEN.findall(tex)
        self.at = self.depth = 0

    def whole(self) -> str:
        body = self.row(())
        if self.at < len(self.tokens):
            raise Unknown
        return body

    def peek(self) -> str:
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise Unknown

    def row(self, ends: tuple[str, ...]) -> str:
        """Atoms with their scripts up to one of `ends`, which is left to the caller, or to the end."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unknown
        parts = []
        while (token := self.peek()) and token not in ends:
            if token in ("}", "&", r"\\", r"\right", r"\end"):
                raise Unknown
            parts.append(self.scripted())
        self.depth -= 1
        return "".join(parts)

    def group(self) -> str:
        """An argument: what is in braces, or one atom."""
        if self.peek() == "{":
            self.take()
            body = self.row(("}",))
            self.expect("}")
            return _element("mrow", body)
        token = self.peek()
        if token.isdigit():  # a digit alone: TeX reads \frac12 as one half
            self.tokens[self.at : self.at + 1] = list(token)
        return self.atom()

    def words(self) -> str:
        """The text of an argument in braces, as written."""
        self.expect("{")
        text = ""
        while self.at < len(self.tokens) and self.tokens[self.at] != "}":
            text += self.tokens[self.at].removeprefix("\\")
            self.at += 1
        self.expect("}")
        return text

    def scripted(self) -> str:
        """An atom, its scripts, and after a function's name the space that TeX would put."""
        name = self.peek().removeprefix("\\")
        base = self.atom() if self.peek() not in ("^", "_") else "<mrow></mrow>"
        low = high = ""
        while self.peek() in ("^", "_", "'"):
            token = self.take()
            if token == "'":
                marks = 1
                while self.peek() == "'":
                    self.take()
                    marks += 1
                high += _operator({1: "′", 2: "″", 3: "‴"}.get(marks, "′" * marks), "")
            elif token == "_" and not low:
                low = self.group()
            elif token == "^":
                high = _element("mrow", high + self.group()) if high else self.group()
            else:
                raise Unknown
        over = name in LIMITS or name in ("underbrace", "overbrace")
        if low and high:
            base = _element("munderover" if over else "msubsup", base + low + _element("mrow", high))
        elif low:
            base = _element("munder" if over else "msub", base + low)
        elif high:
            base = _element("mover" if over else "msup", base + _element("mrow", high))
        spaced = name in FUNCTIONS or name in LIMITS or name == "operatorname"
        if (
            spaced
            and self.peek()
            and (
                self.peek()[0].isalnum()
                or self.peek()[0] == "\\"
                and self.peek()[1:] not in {*FENCES, *SPACES, *SIZES, "left", "right"}
            )
        ):
            base += _space(0.17)
        return base

    def atom(self) -> str:
        token = self.take()
        if token == "{":
            self.at -= 1
            return self.group()
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[:1].isdigit():
            return _element("mn", token)
        if token.isalpha():
            return _element("mi", escape(token))
        if token in ("", "^", "_", "&", "}", "$", "#", "%", "~"):
            raise Unknown
        return _operator({"-": "−", "*": "∗"}.get(token, token))

    def command(self, name: str) -> str:
        if name in LETTERS:
            return _element("mi", LETTERS[name])
        if name in FENCES:
            return _operator(FENCES[name])
        if name in OPERATORS:
            return _operator(OPERATORS[name])
        if name in SPACES:
            return _space(SPACES[name])
        if name in FUNCTIONS:
            return _element("mi", name)
        if name in LIMITS:
            return _operator(LIMITS[name], ' movablelimits="true"')
        if name in INTEGRALS:
            return _operator(INTEGRALS[name], "")
        if name in ("frac", "tfrac", "dfrac"):
            style = {"frac": "", "tfrac": ' displaystyle="false"', "dfrac": ' displaystyle="true"'}[name]
            return _element("mfrac", self.group() + self.group(), style)
        if name == "sqrt":
            if self.peek() == "[":
                self.take()
                degree = self.row(("]",))
                self.expect("]")
                return _element("mroot", self.group() + _element("mrow", degree))
            return _element("msqrt", self.group())
        if name in ACCENTS:
            return _element(
                "mover",
                self.group()
                + _operator(
                    ACCENTS[name],
                    ' stretchy="true"' if name in ("overline", "widehat") else ' stretchy="false"',
                ),
                ' accent="true"',
            )
        if name in ("underbrace", "overbrace"):
            brace = _operator("⏟" if name == "underbrace" else "⏞", ' stretchy="true"')
            return _element("munder" if name == "underbrace" else "mover", self.group() + brace)
        if name in ("text", "textit", "textbf", "mbox"):
            return _element("mtext", escape(self.words()))
        if name in ("mathrm", "operatorname", "mathit", "mathsf"):
            word = self.words() if self.peek() == "{" else self.take()
            return _element("mi", escape(word), ' mathvariant="normal"' if len(word) == 1 else "")
        if name in ALPHABETS:
            return _element(
                "mi",
                "".join(
                    _styled(letter, *ALPHABETS[name])
                    for letter in (self.words() if self.peek() == "{" else self.take())
                ),
            )
        if name in SIZES:
            return _operator(
                self.fence(), f' stretchy="true" minsize="{SIZES[name]}em" maxsize="{SIZES[name]}em"'
            )
        if name == "left":
            opening = self.fence()
            body = self.row((r"\right",))
            self.expect(r"\right")
            return _fenced(opening, body, self.fence())
        if name == "begin":
            return self.table(self.words())
        if name in ("_", "%", "#", "&", "$"):
            return _operator(name)
        raise Unknown

    def fence(self) -> str:
        token = self.take()
        if token in ("(", ")", "[", "]", "|", "/"):
            return token
        if token == ".":
            return ""
        if token.startswith("\\") and token[1:] in FENCES:
            return FENCES[token[1:]]
        raise Unknown

    def table(self, kind: str) -> str:
        if kind not in BRACKETS:
            raise Unknown
        rows, cells = [], []
        while True:
            cells.append(_element("mtd", self.row(("&", r"\\", r"\end"))))
            token = self.take()
            if token == "&":
                continue
            rows.append(_element("mtr", "".join(cells)))
            cells = []
            if token == r"\end":
                if self.words() != kind:
                    raise Unknown
                break
            if token != r"\\":
                raise Unknown
        opening, closing = BRACKETS[kind]
        return _fenced(opening, _element("mtable", "".join(rows)), closing)


def _fenced(opening: str, body: str, closing: str) -> str:
    left, right = (_operator(fence, ' stretchy="true"') if fence else "" for fence in (opening, closing))
    return _element("mrow", left + body + right)


def _styled(letter: str, capital: int, small: int) -> str:
    if "A" <= letter <= "Z":
        code = capital + ord(letter) - ord("A")
    elif "a" <= letter <= "z":
        code = small + ord(letter) - ord("a")
    else:
        return escape(letter)
    return IRREGULAR.get(code, chr(code))
