"""Makes templates and conversations at random, renders them with jinja2 as transformers sets it up, and writes the cases.

    make_jinja_random.py                        src/test/resources/templates/random.json, which the tests read
    make_jinja_random.py COUNT SEED FILE        another file, for: mvn test -Dtest=GoldenTemplateTest -Djinja.cases=FILE

A production is text in which `@s`, `@i`, `@f`, `@b`, `@l`, `@d`, `@a` stand for an expression that makes a text, an integer, a
float, a boolean, a list, a dict or any of these, and `@t` for a string literal. Some cases are `wild`: they also take values
of the wrong kind, undefined names and broken syntax.
"""

import json
import random
import re
import sys
from pathlib import Path

from make_jinja_golden import HERE, render, write

TEXTS = [
    "", "a", "b", "Hello", "hello world", " x ", "\n", "\t", "a\nb", "é", "ß", "😀", "İ", "ﬁ", "Σσς", "ΑΣ", "Dž", "x\u0301", "\u00a0", "\u2028", "\x1c",
    "٣", "²", "½", "Ⅷ", "中文", "a,b,,c", "one\ntwo\r\nthree\r", "'", '"', "\\", "<b>&", "{{ x }}", "{% raw %}", "{# c #}", "<|im_end|>", "</s>", "[INST]",
    "%s", "%d%%", "1", "-5", " 12 ", "1_0", "3.5", "1e3", "0x1f", "inf", "nan", "true", "None", "they're bill's", "hELLO wORLD", "a-b (c) <d>", "\r\n",
    "\0", "\x7f", "\x85", "ŉ", "ΐ", "ᾳ", "ǆ", "x=1;y=2",
]
KEYS = ["role", "content", "name", "a", "b", "items", "keys", "x y", "é", "", "tool_calls", "0"]
INTEGERS = [0, 1, -1, 2, 3, 7, 10, -13, 255, 1000000, 2**40, -(2**40)]
FLOATS = [0.0, -0.0, 0.5, 1.0, 2.5, -2.5, 1e20, 1e-7, 3.14159, 1e16, 123456789012345680.0, 0.1, 1 / 3, 1e22, 5e-324, 1.7976931348623157e308, 1e-4, 1e-5]

LEAVES = {
    "s": ["s", "t", "bos_token", "@t", "@t", "(v|string)", "(w|tojson)", "eos_token"],
    "i": ["n", "1", "0", "2", "(-1)", "3", "7", "10", "0x1f", "1_0", "(xs|length)", "(s|length)", "true"],
    "f": ["f", "1.5", "0.1", "(-2.5)", "1e3", "1e16", "2.0", "n", "0.3"],
    "b": ["yes", "no", "true", "False", "none", "(v is string)", "(w is mapping)", "(missing is defined)", "n", "s", "xs", "add_generation_prompt"],
    "l": ["xs", "ss", "messages", "[]", "[1, 2]", "(1, 'a')", "range(n)", "range(1, 9, 3)", "ds", "(d.items()|list)", "(d.keys()|list)", "(s|list)",
          "['b', 'A', 'c']", "(3,)", "()"],
    "d": ["d", "{}", "{'a': 1}", "{'b': [1, 2], 'a': none}", "dict(a=1, b='x')", "{1: 'x', true: 'y'}", "d.copy()", "{'role': 'user', 'content': s}"],
}
WILD_LEAVES = {
    "s": ["messages[0].content", "messages[-1]['role']", "missing", "v"], "i": ["loop.index", "v", "s"], "f": ["v"], "b": ["loop.first", "loop.last", "v"],
    "l": ["v", "w", "tools", "missing", "none", "d.items()"], "d": ["v", "w", "messages[0]", "ds[0]", "missing"],
}
SLICES = ["1:", ":1", "::-1", "-2:", "1:3", "::2", "n:", ":n", "2:0:-1", ":", "none:none", "-1:9", "n::n"]
EXPRESSIONS = {
    "s": [
        "(@s + @s)", "(@a ~ @a)", "(@s ~ @a ~ @f)", "@s.upper()", "@s.lower()", "@s.strip()", "@s.lstrip()", "@s.rstrip()", "@s.title()", "@s.capitalize()",
        "@s.swapcase()", "@s.strip(@s)", "@s.lstrip(@s)", "@s.rstrip(@s)", "@s.replace(@t, @s)", "@s.replace(@t, @s, 1)",
        "@s.replace(@t, @s, 0)", "@s.removeprefix(@t)", "@s.removesuffix(@t)", "@s.center(10)", "@s.ljust(n, '*')", "@s.rjust(3)", "@s.zfill(8)",
        "@s.expandtabs()", "@s.expandtabs(4)", "@t.join(ss)", "@t.join(@s)", "@s[@slice]", "@s[@slice]", "(@s * @i)", "(@s if @b else @s)", "(@a or @s)",
        "(@b and @s)", "(@a | string)", "(@a | upper)", "(@a | lower)", "(@a | title)", "(@a | capitalize)", "(@a | trim)", "(@a | safe)", "(@a | e)",
        "(@a | tojson)", "(@a | tojson(indent=2))", "(@a | tojson(ensure_ascii=true))", "(@a | tojson(indent=4, sort_keys=true))",
        "(@a | tojson(separators=(',', ':')))", "(@a | tojson(false, 0))", "(@l | join)", "(@l | join(', '))", "(@l | join(d='-'))", "(@l | join(t))",
        "(ds | join('-', attribute='name'))", "(@a | default(@s))", "(@a | default(@s, true))", "(@s | replace(@t, @t))", "(@s | replace(@t, @t, 1))",
        "(@s | indent)", "(@s | indent(2, true))", "(@s | indent(4, false, true))", "(@s | indent('> '))", "(@s | center(12))", "(@s | trim(@t))",
        "('%s|%5s|%-5s|%.2s' % (@a, @a, @s, @s))", "('%d|%05d|%+d|%x|% d' % (@i, @i, @i, @i, @i))", "('%f|%5.2f|%.0f' % (@f, @f, @i))", "('%r' % (@a,))",
        "('%s-%s' | format(@a, @i))", "('%(a)s' | format(a=@a))", "(@s | reverse)", "(@s | list | first)", "@s.partition(@t)[0]", "@s.rpartition(@t)[2]",
        "@s.split(@t)[-1]", "@s.split(@t, 1)[0]", "@s.rsplit(@t, 1)[0]", "(@s.split(none, 1) | join('|'))", "(@s.rsplit(none, 1) | join('|'))",
        "strftime_now('%d %b %Y')", "strftime_now('%H:%M:%S %p %A %B %j %-d %y %e %I %% %a %U %W')", "(d.role ~ d['content'] ~ d.get('a', @s))",
    ],
    "i": [
        "(@i + @i)", "(@i - @i)", "(@i * @i)", "(@i // 3)", "(@i % 7)", "(@l | length)", "(@s | length)", "(@l | count)", "(@a | int)", "(@s | int(5))",
        "(@s | int(0, 16))", "(@s | int(base=8))", "(@i | abs)", "(-@i)", "(+@i)", "(xs | sum)", "(xs | sum(start=1))", "(xs | max)", "(xs | min)",
        "@s.find(@t)", "@s.rfind(@t, 1)", "@s.count(@t)", "@s.count(@t, 1, -1)", "@s.find(@t, n, -1)", "@l.count(@a)", "(@i ** 2)", "(@i ** 0)",
        "(@f | round | int)", "(@s | wordcount)", "(@i if @b else @i)",
    ],
    "f": [
        "(@f + @f)", "(@f - @f)", "(@f * @f)", "(@f / 4)", "(@f // 0.3)", "(@f % 2.5)", "(@i / 7)", "(@f | round)", "(@f | round(1))", "(@f | round(2))",
        "(@f | round(1, 'ceil'))", "(@f | round(-1))", "(@f | round(method='floor'))", "(@a | float)", "(@s | float(1.5))", "(@f | abs)",
        "(@i | round(1))", "(@i | round(-1))", "(-@f)", "(@f ** 2)",
    ],
    "b": [
        "(@a == @a)", "(@a != @a)", "(@i < @i)", "(@i >= @i)", "(@s < @s)", "(@s >= @s)", "(@a in @l)", "(@a not in @l)", "(@s in @s)", "(@s not in @s)",
        "(@s in @d)", "(not @b)", "(@b and @b)", "(@b or @b)", "(@i < @i <= @f)", "(@l == @l)", "(@a is defined)", "(@a is not none)", "(@a is string)",
        "(@a is number)", "(@a is integer)", "(@a is float)", "(@a is mapping)", "(@a is iterable)", "(@a is sequence)", "(@a is boolean)", "(@a is true)",
        "(@a is callable)", "(@i is odd)", "(@i is even)", "(@s is lower)", "(@s is upper)", "(@a is eq(@a))", "(@a is ne @i)", "(@a is in(@l))",
        "(@i is gt(1))", "(@i is divisibleby 3)", "@s.startswith(@t)", "@s.endswith((@t, @t))", "@s.startswith(@t, 1)", "@s.endswith(@t, 0, -1)",
        "@s.isalpha()", "@s.isdigit()", "@s.isalnum()", "@s.isspace()", "@s.isupper()", "@s.islower()", "@s.istitle()", "@s.isnumeric()",
        "@s.isdecimal()", "@s.isascii()", "(@t is filter)",
    ],
    "l": [
        "[]", "[@a]", "[@a, @a]", "(@a, @i)", "(@a,)", "([@a] + [@a])", "@l[@slice]", "([@a] * 2)", "(@l | list)", "(@l | reverse | list)", "(xs | sort)",
        "(ss | sort(reverse=true))", "(ss | sort(case_sensitive=true))", "(xs | unique | list)", "(ss | unique(true) | list)",
        "(ds | sort(attribute='age') | list)", "(ds | map(attribute='name') | list)", "(ds | map(attribute='ok', default='z') | list)",
        "(ds | selectattr('ok') | list)", "(ds | rejectattr('age', 'gt', 1) | list)", "(messages | selectattr('role', 'equalto', 'user') | list)",
        "(messages | rejectattr('tool_calls', 'defined') | list)", "(messages | map(attribute='role') | list)", "(@l | map('string') | list)",
        "(@l | map('tojson') | list)", "(ss | map('upper') | list)", "(@l | map('default', 1) | list)", "(@l | select | list)", "(@l | reject('string') | list)",
        "(@l | select('in', xs) | list)", "(@l | batch(2) | list)", "(@l | batch(3, '-') | list)", "(@l | slice(3) | list)", "(@l | slice(2, 0) | list)",
        "@d.items()|list", "@d.keys()|list", "@d.values()|list", "(@d | items | list)", "(d | dictsort)", "(d | dictsort(reverse=true))", "(@s | list)",
        "@s.split()", "@s.split(@t)", "@s.splitlines()", "@s.splitlines(true)", "range(n)[1:]", "range(5, 0, -2)", "range(2, 9)[@slice]", "@s.partition(@t)",
    ],
    "d": ["{@t: @a}", "{@t: @a, @t: @a}", "{1: @a, true: @i, 1.0: @s}", "dict(a=@a)", "dict(d, z=@i)", "dict([(1, 2)])", "({@t: @d}).get(@t, @d)", "(@d or @d)"],
}
EXPRESSIONS["a"] = ["@s", "@s", "@i", "@i", "@f", "@b", "@b", "@l", "@d"]
WILD = ["@l[@i]", "@l.index(@a)", "(@l + @l)", "(@a | first)", "(@l | last)", "(@a | max)", "(@l | sort)", "(@i / @i)", "(@a < @a)", "@d[@a]", "@a.items",
        "messages[@i]", "(@l | map(attribute='a.0') | list)", "(@a | length)", "@a[@i]", "('%d' % @a)", "(@s if @b)", "@a[@slice]", "missing.x"]
DATA = ["", "", "a", "b\n", "\n", "\n\n", "  ", "\n  ", " \t", "x y", "<|im_start|>", "é😀", "\r\n", "}}", "%}", "{ ", "\n    ", "#}", "\u00a0"]


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.wild = rng.choice([0, 0, 0.02, 0.1])
        self.names = []

    def pick(self, choices):
        return self.rng.choice(choices)

    def chance(self, probability):
        return self.rng.random() < probability

    # ---- expressions

    def literal(self):
        quote = self.pick("'\"")
        out = ""
        for char in self.pick(TEXTS):
            if char in (quote, "\\"):
                out += "\\" + char
            elif char in "\n\r\0":
                out += {"\n": "\\n", "\r": "\\r", "\0": "\\x00"}[char]
            elif ord(char) > 0x7E and self.chance(0.5):
                out += f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
            else:
                out += char
        return quote + out + quote

    def expression(self, kind, depth=0):
        if self.chance(self.wild):
            kind = self.pick("sifblda")
        if self.chance(self.wild):
            return self.expand(self.pick(WILD), depth + 1)
        if self.names and kind in "as" and self.chance(0.1):
            name = self.pick(self.names)
            return name if kind == "a" else f"({name}|string)"
        if kind != "a" and (depth > 3 or self.chance(0.2)):
            return self.expand(self.pick((WILD_LEAVES if self.chance(2 * self.wild) else LEAVES)[kind]), depth)
        return self.expand(self.pick(EXPRESSIONS[kind]), depth + 1)

    def expand(self, production, depth):
        def one(match):
            what = match.group(1)
            if what == "t":
                return self.literal()
            if what == "slice":
                return self.pick(SLICES)
            inner = self.expression(what, depth)
            attribute = match.string[match.end():match.end() + 1] in (".", "[")
            return f"({inner})" if attribute and not re.fullmatch(r"\w+", inner) else inner

        return re.sub(r"@(slice|[tsifblda])", one, production)

    # ---- statements

    def tag(self, inside):
        opening = self.pick(["{%", "{%", "{%", "{%-", "{%-", "{%+"])
        closing = self.pick(["%}", "%}", "%}", "-%}", "-%}", "+%}"])
        return opening + self.pick([" ", " ", ""]) + inside + self.pick([" ", " ", ""]) + closing

    def output(self):
        return self.pick(["{{", "{{", "{{-"]) + " " + self.expression(self.pick("ssssifbblld"), self.rng.randint(1, 3)) + " " + self.pick(["}}", "}}", "-}}"])

    def body(self, depth=0):
        return "".join(self.pick(DATA) + self.statement(depth) for _ in range(self.rng.randint(1, 3))) + self.pick(DATA)

    def statement(self, depth):
        if depth > 3:
            return self.output()
        before = list(self.names)
        kinds = [self.output] * 4 + [lambda: self.loop(depth + 1)] * 2 + [
            lambda kind=kind: kind(depth + 1) for kind in (self.conditional, self.assignment, self.wrapped, self.namespace, self.macro, self.other)]
        text = self.pick(kinds)()
        if depth and self.chance(0.7):
            self.names = before
        return text

    def conditional(self, depth):
        out = self.tag("if " + self.expression("b", 2)) + self.body(depth)
        if self.chance(0.3):
            out += self.tag("elif " + self.expression("b", 2)) + self.body(depth)
        if self.chance(0.5):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endif")

    def loop(self, depth):
        target = self.pick(["x", "y", "m", "k, z", "(k, z)"])
        iterable = self.pick(["d.items()", "d|dictsort", "[(1, 2), ('a', 'b')]", "d|items"]) if "," in target else self.expression("l", 2)
        condition = self.pick(["", "", "", " if " + self.expression("b", 3), " if x"])
        recursive = self.pick(["", "", "", "", " recursive"])
        out = self.tag(f"for {target} in {iterable}{condition}{recursive}")
        self.names += [name.strip("() ") for name in target.split(",")]
        self.names += self.pick([[], ["loop.index", "loop.index0", "loop.length", "loop.previtem", "loop.nextitem", "loop.revindex", "loop.last",
                                      "loop.depth", "loop.cycle('a', 'b')", "loop.changed(n)"]])
        out += self.body(depth)
        if self.chance(0.25):
            out += self.tag("if " + self.expression("b", 3)) + self.tag(self.pick(["break", "continue"])) + self.tag("endif") + self.pick(DATA)
        if self.chance(0.25):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endfor")

    def assignment(self, depth):
        name = self.pick(["p", "q", "r", "s", "messages"])
        how = self.rng.random()
        if how < 0.6:
            out = self.tag(f"set {name} = {self.expression('a', 2)}")
        elif how < 0.75:
            out = self.tag(f"set {name}" + self.pick(["", "", " | trim", " | upper | replace('A', 'b')"])) + self.body(depth) + self.tag("endset")
        else:
            out = self.tag(f"set {name}, q = {self.expression('a', 2)}, {self.expression('a', 2)}")
        self.names.append(name)
        return out

    def namespace(self, depth):
        start = self.tag(f"set ns = namespace({self.pick(['', 'a=1', 'a=s, b=[]', 'd'])})") + self.tag(f"for x in {self.expression('l', 3)}")
        change = self.tag("set ns.a = " + self.pick(["x", "loop.index", "ns.a ~ x", self.expression("a", 3)]))
        return start + change + self.tag("endfor") + "{{ ns.a }}" + self.pick(["", "{{ ns['a'] }}", "{{ ns.b }}", "{{ ns }}"])

    def macro(self, depth):
        signature = self.pick(["", "a", "a, b=2", "a, b=a", "a=none", "a, b='x', c=[]"])
        outside = self.names
        self.names = outside + ["a", "b", "varargs", "kwargs"][: self.rng.randint(0, 4)]
        body = self.body(depth + 1)
        self.names = outside
        if self.chance(0.3):
            body += "{{ caller(" + self.pick(["", "1", "s"]) + ") }}"
            call = self.tag("call" + self.pick(["", "(u)", "(u, v=3)"]) + " mac(" + self.pick(["", "1", "s"]) + ")") + self.body(depth + 1) + self.tag("endcall")
        else:
            call = self.pick([f"{{{{ mac({self.expression('a', 3)}) }}}}", "{{ mac() }}", "{{ mac(a=5) | trim }}", "{{ mac(1, b=3, z=4) }}", "{{ mac(*xs) }}",
                              "{{ mac(none, 2, 3, 4) }}", "{{ mac.name }}{{ mac.arguments }}"])
        return self.tag(f"macro mac({signature})") + body + self.tag("endmacro") + self.pick(DATA) + call

    def wrapped(self, depth):
        kind = self.pick(["generation", "generation", "filter", "with"])
        if kind == "generation":
            return self.tag("generation") + self.body(depth) + self.tag("endgeneration")
        if kind == "filter":
            return self.tag("filter " + self.pick(["upper", "trim", "replace('a', 'b')", "indent(2)", "lower | trim", "tojson"])) + self.body(depth) + self.tag("endfilter")
        start = self.tag(f"with p = {self.expression('a', 3)}, q = {self.expression('a', 3)}")
        outside = self.names
        self.names = outside + ["p", "q"]
        body = self.body(depth)
        self.names = outside
        return start + body + self.tag("endwith")

    def other(self, depth):
        return self.pick([
            lambda: self.pick(["{# c #}", "{#- c -#}", "{#+ c +#}", "{# {{ x }} #}", "{#c\n#}"]),
            lambda: "{%" + self.pick(["", "-", "+"]) + " raw " + self.pick(["", "-"]) + "%}" + self.pick(DATA) + "{{ x }}{% if %}" + self.pick(DATA)
            + "{%" + self.pick(["", "-"]) + " endraw " + self.pick(["", "-", "+"]) + "%}",
            lambda: self.tag("print " + self.expression("a", 2)),
            lambda: self.tag("if " + self.expression("b", 3)) + "{{ raise_exception(" + self.expression("s", 3) + ") }}" + self.tag("endif"),
        ])()

    def damaged(self, source):
        at = self.rng.randrange(len(source) + 1)
        return self.pick([source[:at] + source[at + 1:], source[:at] + self.pick(list("()[]{}.,|'\"-+~%: \\0a_;é")) + source[at:]])

    def template(self):
        source = "{{ " + self.expression(self.pick("sssiifbbllld")) + " }}" if self.chance(0.5) else self.body()
        return self.damaged(source) if self.wild and self.chance(0.03) else source

    # ---- values

    def value(self, depth=0):
        kind = self.rng.random()
        if depth < 3 and kind < 0.18:
            return [self.value(depth + 1) for _ in range(self.rng.randint(0, 4))]
        if depth < 3 and kind < 0.36:
            return {self.pick(KEYS): self.value(depth + 1) for _ in range(self.rng.randint(0, 4))}
        if kind < 0.6:
            return self.text(3)
        return self.pick(INTEGERS) if kind < 0.75 else self.pick(FLOATS) if kind < 0.85 else self.pick([True, False, None])

    def text(self, pieces):
        return "".join(self.pick(TEXTS) for _ in range(self.rng.randint(0, pieces)))

    def message(self):
        message = {"role": self.pick(["user", "assistant", "system", "tool"]), "content": self.text(4)}
        kind = self.rng.random()
        if kind < 0.1:
            message["content"] = [{"type": "text", "text": self.pick(TEXTS)}, {"type": "image"}]
        elif kind < 0.15:
            message["content"] = None
        elif kind < 0.3:
            message["tool_calls"] = [{"type": "function", "function": {"name": self.pick(TEXTS), "arguments": self.value(1)}}]
        return message

    def variables(self):
        return {
            "messages": [self.message() for _ in range(self.rng.randint(0, 4))], "add_generation_prompt": self.chance(0.5),
            "bos_token": "<s>", "eos_token": "</s>", "s": self.text(4), "t": self.pick(TEXTS), "n": self.pick([0, 1, 2, 3, 5, -1, -7, 12]),
            "tools": None if self.chance(0.5) else [{"type": "function", "function": {"name": "f", "parameters": {"q": self.value(1)}}}],
            "f": self.pick([0.0, 0.5, 1.5, -2.5, 2.675, 1e16, 1e-5, 3.0]), "xs": [self.pick([0, 1, 2, 3, -1, 5]) for _ in range(self.rng.randint(0, 5))],
            "ss": [self.pick(TEXTS) for _ in range(self.rng.randint(0, 4))], "d": {self.pick(KEYS): self.value(2) for _ in range(self.rng.randint(0, 4))},
            "ds": [{"name": self.pick(TEXTS), "age": self.rng.randint(0, 3), **({"ok": True} if self.chance(0.3) else {})} for _ in range(self.rng.randint(0, 4))],
            "v": self.value(), "w": self.value(), "yes": True, "no": False,
        }


def used(source, variables):
    """The variables that a source names."""
    return {name: value for name, value in variables.items() if re.search(rf"\b{name}\b", source)}


def case(name, seed):
    """A case, or None where jinja2's output depends on addresses, takes too long or is no Unicode text."""
    maker = Maker(random.Random(seed))
    variables = maker.variables()
    source = maker.template()
    result = render(source, variables)
    if result is None or " at 0x" in result.get("text", "") or len(result.get("text", "")) > 100_000 or re.match("UnicodeEncode|NameError", result.get("error", "")):
        return None
    if "recursive" in source:
        result.pop("generated", None)  # transformers counts them from the loop's start
    return {"name": name, "source": source, "variables": used(source, variables), **result}


def main():
    count, seed, path = (int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])) if len(sys.argv) > 1 else (500, 0, HERE / "random.json")
    cases = [case(f"random {seed}:{i}", seed * 1_000_003 + i) for i in range(count)]
    if len(sys.argv) == 1:
        cases = [each for each in cases if each and len(json.dumps(each)) < 2000]
    write(path, [each for each in cases if each])


if __name__ == "__main__":
    main()
