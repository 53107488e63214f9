"""Many changes of a function in one text, of which a variable of the environment chooses one; for mutants.py."""

import re
from collections import defaultdict
from dataclasses import dataclass

# What the copy's crate is given. It is no_std, and stays so but for this.
CHOOSER = """
mod mutant {
    extern crate std;
    pub(crate) fn chosen() -> u32 {
        static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
        *CHOSEN.get_or_init(|| std::env::var("MUTANT").map_or(0, |number| number.parse().expect("a number")))
    }
}
"""

NOT_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|r(#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\[^']+|[^\\'])'""", re.DOTALL)


class Source:
    """A file with mutants, and where its functions are."""

    def __init__(self, text):
        self.text = text
        self.code = NOT_CODE.sub(lambda found: " " * len(found[0]), self.text)
        self.lines = [0]
        for line in self.text.split("\n"):
            self.lines.append(self.lines[-1] + len(line) + 1)

    def span(self, span):
        return tuple(self.lines[at["line"] - 1] + at["column"] - 1 for at in (span["start"], span["end"]))

    def head(self, function):
        """Its signature, without what it is documented with."""
        return self.code[function[0]:self.code.index("{", function[0])]

    def name(self, function):
        return re.search(r"\bfn (\w+)", self.head(function))[1]

    def woven(self, mutants):
        """The text with all of these in it, and at which of its bytes each is."""
        by_function = defaultdict(list)
        for mutant in mutants:
            by_function[mutant.function].append(mutant)
        text, where, at = b"", {}, 0
        for function, those in sorted(by_function.items()):
            head, last = self.head(function), function[1] - 1
            first = function[0] + len(head) + 1
            constant = re.search(r"\bconst (?=fn\b)", head)
            if constant:
                text += self.text[at:function[0] + constant.start()].encode()
                at = function[0] + constant.end()
            text += f"{self.text[at:first]} match crate::mutant::chosen() {{\n".encode()
            for mutant in those:
                text += f"{mutant.number} => {{".encode()
                begin = len(text)
                text += mutant.applied(self.text, first, last).encode()
                where[mutant] = range(begin, len(text))
                text += b"}\n"
            text += f"_ => {{{self.text[first:last]}}} }}".encode()
            at = last
        return text + self.text[at:].encode(), where


@dataclass(eq=False)
class Mutant:
    number: int
    name: str
    path: str
    span: tuple
    function: tuple
    text: str

    def applied(self, text, first=0, last=None):
        return text[first:self.span[0]] + self.text + text[self.span[1]:last]
