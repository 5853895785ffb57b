"""Writes what jinja2, set up as transformers sets it up, makes of templates, to src/test/resources/templates.

`conversations.json`: the .jinja files there on conversations, written by hand and random; a case's `variables` is an index
into `conversations`. `constructs.json`: one short template for each construct. Run it with a Python that has transformers
(5.x) and jinja2 (3.1.x). Each case has a name, a source, variables, and either `text` (with `generated`: spans of generation
blocks, in code points) or `error`.
"""

import json
import random
import signal
from datetime import datetime
from pathlib import Path
from unittest import mock

from transformers.utils import chat_template_utils as utils

HERE = Path(__file__).parent.parent / "resources" / "templates"
NOW = datetime(2024, 7, 5, 15, 4, 9, 123456)

USER = {"role": "user", "content": "Hi <b>there</b> & {{ 7 * 7 }} {% raise %}"}
BOT = {"role": "assistant", "content": "  Hello 😀\n"}
SYSTEM = {"role": "system", "content": "Be brief. "}
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2.5, "c": "é\"", "d": None}}}]}
RESULT = {"role": "tool", "content": "3.5"}
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds 'a' and \"b\" <x>", "parameters": {
    "type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}}}]

CONVERSATIONS = [
    [USER], [SYSTEM, USER], [USER, BOT], [SYSTEM, USER, BOT, USER], [USER, BOT, USER, BOT], [USER, USER],
    [USER, CALL, RESULT, BOT], [BOT, USER], [],
    [USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "call12345", **CALL["tool_calls"][0]}, {"id": "call67890", **CALL["tool_calls"][0]}]},
     {**RESULT, "tool_call_id": "call12345"}, {**RESULT, "tool_call_id": "call67890"}, BOT],
    [USER, {"role": "assistant", "content": "<think>\nWhy?\n</think>\n\nBecause."}, USER,
     {"role": "assistant", "content": "Yes.", "reasoning_content": "\nHm.\n"}],
    [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " What is this? "}]}, BOT],
    [SYSTEM, {"role": "user", "content": ""}, {"role": "assistant", "content": ""}],
]
DOCUMENTS = [{"title": "Primes", "text": "2, 3, 5\n7"}, {"title": "é", "text": "<none>"}]

VALUES = {
    "s": "Hello, World", "e": "", "u": "héllo 😀 wörld ß", "w": "  \t padded \n ", "n": 7, "neg": -3, "f": 2.5, "big": 1e20,
    "small": 1e-7, "yes": True, "no": False, "none": None, "xs": [3, 1, 2], "names": ["b", "A", "c", "a"], "d": {"b": 1, "a": [1, 2], "items": "x"},
    "empty": [], "people": [{"name": "Ann", "age": 30, "tags": ["x"]}, {"name": "bob", "age": 25}, {"name": "Cid", "age": 30, "ok": True}],
    "nested": [[1, [2, 3]], {"k": {"z": "é\u2028", "q": "\"\\\n\t\x01"}}], "csv": "a,b,,c", "lines": "one\ntwo\r\nthree\n",
    "messages": [SYSTEM, USER, BOT],
}

# One construct a line, or several lines where newlines matter.
EXPRESSIONS = """
s; e; u; n; neg; f; big; small; yes; no; none; xs; d; nested; missing; people
1; 1.0; 1e3; 1.5e-8; 0x1F; 0b101; 0o17; 1_000; 100000000000000000.0; 1e16; 123456789012345680.0; 0.1 + 0.2; 1e15; 0.0001; 0.00001; -0.0; 1/3
'a' 'b'; "x\\n\\t\\\\\\'y"; '\\x41\\u00e9\\U0001F600\\101\\q'; 'it\\'s'; "say \\"hi\\""; 'a\\
b'
1 + 2 * 3; (1 + 2) * 3; 7 / 2; 7 // 2; -7 // 2; 7 % 3; -7 % 3; 7 % -3; -7.5 // 2; 7.5 % 2; 2 ** 10; 2 ** -1; 2 ** 3 ** 2; -2 ** 2; 2 ** 0.5; - 3; + 3; --3; not 0; not not 0
1 / 0; 1 // 0; 1 % 0; 's' + 1; 1 + 's'; [] + 1; none + 1; -'a'; missing + 1; 1 + missing; 'a' - 'b'
'ab' * 3; 3 * 'ab'; 'ab' * -1; [1, 2] * 2; [1] + [2]; (1,) + (2, 3); true + 1; true * 2.5; 'a' * true
1 ~ 2 ~ 'x' ~ none ~ true ~ 1.0; s ~ n; missing ~ 'x'; 1 + 2 ~ 3; '%s and %s' % ('a', 1); '%d%%' % 7; '%5.2f|%-5s|%05d|%x|%r' % (3.14159, 'ab', 42, 255, 'q'); '%(k)s' % {'k': 1}
1 < 2; 1 < 2 < 3; 1 < 3 < 2; 1 == 1.0; true == 1; 'a' < 'b'; 'a' == "a"; [1, 2] == [1, 2]; (1,) == [1]; {'a': 1} == {'a': 1.0}; [1, 2] < [1, 3]; [1] < [1, 2]; 1 != 2; none == none; none == false; missing == missing; 1 < 'a'; none < 1; 1 >= 1 > 0
'é' < '😀'; '\\uffff' < '😀'; 'a' in 'cab'; 'x' not in 'cab'; 1 in [1, 2]; 1.0 in [1]; 'a' in {'a': 1}; 'z' in d; 1 in 'abc'; 'a' in missing; 'a' in none; 'x' in 5; 2 in (1, 2); '' in ''
yes and 'x'; no and 'x'; no or 'x'; '' or none or 0 or [] or 'end'; yes and no or 'z'; not yes or 1; 1 if yes else 2; 1 if no else 2; 1 if no; (1 if no) is defined; 1 if no else 2 if no else 3; 'a' if 'b' if no else 'c'
xs[0]; xs[-1]; xs[9]; xs[0:2]; xs[::-1]; xs[1:]; xs[:-1]; xs[-2:]; xs[::2]; xs[5:]; xs[3:1]; xs[2:0:-1]; xs[:]; xs['a']; xs[1.0]; xs[true]; s[0]; s[-1]; s[1:4]; s[::-1]; u[6]; u[:7]; u[-1:]; u[::-1]; (1, 2, 3)[1:]; (1, 2, 3)[0]; xs[100:-100:-1]; xs[::0]; s[99]; xs['a':]
d.b; d['b']; d.a; d['items']; d.nope; d['nope']; d.nope.x; d['nope']['x']; d.get('b'); d.get('zz'); d.get('zz', 5); d.keys(); d.values(); d.items() | list; d.keys() | list; d.values() | list; d.items()[0]; d | length; d.a[0]; d.a.0; people[0].name; people[0]['name']; people.0.name; none.x; none['x']; n.x; s.x; s['x']; missing.x; missing['x']; missing(); missing[0]
[1, 'a', none, true, 2.0, [], {}]; []; (); (1,); (1, 2); {}; {'a': 1, 'b': [1]}; {'a': 'x'}['a']; {1: 'i'}[1]; {1: 'i'}[1.0]; {none: 2}[none]; {'a': 1,}; [1, 2,]; ['it\\'s', "q\\"", 'b\\\\', '\\n', 'é', '\\x07', '\\u200b', '\\xa0']; [missing]; {[]: 1}
s.upper(); s.lower(); u.upper(); u.capitalize(); u.title(); "they're bill's".title(); 'hELLO wORLD'.capitalize(); s.swapcase(); w.strip() ~ '|'; w.lstrip() ~ '|'; w.rstrip() ~ '|'; 'xxhixx'.strip('x'); 'abcabc'.lstrip('ba'); 'x'.strip(none); s.startswith('He'); s.startswith(('x', 'He')); s.endswith('ld'); s.endswith('x'); s.startswith('llo', 2); s.startswith('He', 0, 1)
csv.split(','); csv.split(',', 1); csv.split(',')[-1]; ' a  b c '.split(); ' a  b c '.split(none, 1); 'a b'.split(' '); csv.rsplit(',', 1); ' a b  c '.rsplit(none, 1); 'abc'.split(''); csv.split(',', maxsplit=2); ''.split(','); ''.split(); 'a--b--c'.split('--'); 'a,b,c'.rsplit(','); ' x '.rsplit(); 'a  b'.rsplit(none, 0); 'aaa'.rsplit('aa'); 'a  b'.split(none, 0)
lines.splitlines(); lines.splitlines(true); s.find('o'); s.rfind('o'); s.find('zz'); s.index('W'); s.index('zz'); s.count('l'); s.count(''); s.find('o', 5); u.find('w'); s.replace('l', 'L'); s.replace('l', 'L', 1); 'aaa'.replace('', '-'); 'aaa'.replace('a', ''); '-'.join(['a', 'b']); '-'.join([1]); '-'.join('abc'); 'a=b=c'.partition('='); 'a=b=c'.rpartition('='); 'abc'.partition('x'); 'abc'.rpartition('x')
'abc'.removeprefix('a'); 'abc'.removesuffix('c'); 'a'.center(5, '*'); 'ab'.center(5, '*'); 'a'.ljust(3) ~ '|'; 'a'.rjust(3, '0'); '-5'.zfill(4); '5'.zfill(3); 'a\\tb'.expandtabs(4); 'abc'.isalpha(); '12'.isdigit(); 'a1'.isalnum(); 'ab'.islower(); 'AB'.isupper(); ' '.isspace(); ''.isspace(); 'Ab Cd'.istitle(); '٣'.isdecimal(); '½'.isnumeric(); 'é'.isascii(); 'ß'.casefold(); 'abc'.upper(1); s.append; s.nope()
xs.index(1); xs.index(9); xs.count(3); xs.append(4); xs.append; d.update({'x': 1}); d.pop('b'); d.clear; s.__class__; xs.__len__; d.__class__.__mro__; s['__class__']; messages.__class__; ''.__class__.__mro__[1]
s | upper; s | lower; s | title; "it's a-b (c) <d> [e]" | title; s | capitalize; w | trim ~ '|'; 'xxhixx' | trim('x'); n | string + 'x'; none | string; missing | string | length; s | length; xs | length; d | length; u | length; n | length; none | length; missing | length; s | count; s | replace('l', 'L'); s | replace('l', 'L', 1); 5 | replace('5', 'x'); s | reverse; xs | reverse | list; s | wordcount; s | center(20) ~ '|'; s | first; s | last; xs | first; xs | last; empty | first; empty | last; missing | first; d | first
missing | default('x'); none | default('x'); '' | default('x'); '' | default('x', true); none | default('x', boolean=true); missing | d; 0 | default(1); d.nope | default('q'); missing.x | default('x'); s | default
xs | join; xs | join(', '); people | join('-', attribute='name'); names | join(1); 'abc' | join('.'); empty | join(','); [none, true, 1.5] | join('|'); missing | join(','); 5 | join
xs | sort; names | sort; names | sort(case_sensitive=true); xs | sort(reverse=true); people | sort(attribute='age') | map(attribute='name') | list; people | sort(attribute='age,name', reverse=true) | map(attribute='name') | join; [1, 'a'] | sort; d | dictsort; {'b': 2, 'A': 1} | dictsort; {'b': 2, 'A': 1} | dictsort(true); {'b': 1, 'a': 2} | dictsort(by='value'); {'b': 1, 'a': 2} | dictsort(false, 'key', true); d | items | list; missing | items | list
people | map(attribute='name') | list; people | map(attribute='ok', default='no') | list; people | map(attribute='tags.0') | list; names | map('upper') | list; names | map('replace', 'a', 'z') | join; xs | map('string') | join(','); xs | map | list; people | map(attribute='name') | map('length') | sum; xs | select('odd') | list; xs | select | list; xs | reject('equalto', 1) | list; [0, 1, none] | select | list; [0, 1] | reject | list; people | selectattr('ok') | list | length; people | selectattr('age', 'equalto', 30) | map(attribute='name') | list; people | selectattr('ok', 'defined') | list | length; people | rejectattr('ok') | map(attribute='name') | list; people | rejectattr('age', '>', 26) | map(attribute='name') | list; xs | select('nope') | list; people | selectattr | list; xs | map('nope') | list
xs | select('odd') | length; (xs | select('odd')) is iterable; xs | map('string') | first; xs | sum; people | sum(attribute='age'); xs | sum(start=10); ['a'] | sum; xs | min; xs | max; names | max; names | min(case_sensitive=true); people | max(attribute='age'); empty | max; [1, 1, 2] | unique | list; names | unique | list; xs | batch(2) | list; xs | batch(2, 0) | list; [1, 2, 3, 4, 5] | slice(2) | list; [1, 2, 3, 4, 5] | slice(3, 'x') | list
'42' | int; '42.9' | int; 'x' | int; 'x' | int(5); 42.9 | int; -42.9 | int; none | int; true | int; 'ff' | int(0, 16); '0x1f' | int(0, 16); ' 12 ' | int; '1_0' | int; '1.5' | float; 'x' | float; 'x' | float(2.0); 3 | float; 'inf' | float; '1e5' | int; missing | int; 2.5 | round; 3.5 | round; 2.567 | round(2); 2.567 | round(1, 'floor'); 2.1 | round(method='ceil'); 42 | round; 42.55 | round | int; -2.5 | round; 1234.5 | round(-2); -3 | abs; 2.5 | abs; -n | abs; 'x' | abs; [] | list; 'abc' | list; d | list; (1, 2) | list; range(3) | list; 5 | list
'a\\nb\\n\\nc' | indent; 'a\\nb' | indent(2); 'a\\nb' | indent(2, true); 'a\\n\\nb' | indent(2, blank=true); 'a\\nb' | indent('> '); '%s-%s' | format(1, 'x'); '%(a)s' | format(a=3)
d | tojson; nested | tojson; nested | tojson(ensure_ascii=true); nested | tojson(indent=2); nested | tojson(indent=0); [] | tojson(indent=2); {} | tojson(indent=2); s | tojson; '<&>\\'' | tojson; 1.0 | tojson; 1e20 | tojson; none | tojson; true | tojson; (1, 2) | tojson; {1: 2, none: 3, true: 4, 1.5: 5} | tojson; d | tojson(sort_keys=true); d | tojson(separators=(',', ':')); [1, [2, {'a': []}]] | tojson(indent='--'); missing | tojson; '\\u007f' | tojson; '\\u007f😀' | tojson(true); range(2) | tojson; u | tojson | safe; d | tojson(indent=none)
n is defined; missing is defined; missing is undefined; n is not defined; not n is defined; none is none; n is none; s is string; n is string; d is mapping; xs is mapping; xs is iterable; s is iterable; n is iterable; none is iterable; xs is sequence; d is sequence; n is sequence; yes is true; 1 is true; no is false; 0 is false; yes is boolean; 1 is boolean; n is number; yes is number; f is number; n is integer; yes is integer; f is float; 4 is even; 4 is odd; 6 is divisibleby 3; 6 is divisibleby(4); s is lower; 'abc' is lower; 'ABC' is upper; 1 is in [1, 2]; 3 is in [1, 2]; 3 is not in [1, 2]; n is eq 7; n is equalto(7); n is ne 7; n is gt 3; n is lt 3; n is ge 7; n is le(6); n is sameas 7; none is sameas none; range is callable; s is callable; 'upper' is filter; 'nope' is filter; 'odd' is test; n is nope; d.nope is defined; d.nope.x is defined; missing.x is defined; s is string and n is number; n is defined and n is string or yes
range(5) | list; range(2, 5) | list; range(5, 0, -2) | list; range(0) | list; range(3); range(1, 9, 2); range(3)[1]; range(3) | length; range(1, 2, 0); range(200000); range(3) is sequence; dict(a=1, b=2); dict({'x': 1}, y=2); dict([('a', 1)]); namespace(a=1).a; namespace({'b': 2}, a=1).b; namespace().x is defined; strftime_now('%d %b %Y'); strftime_now('%Y-%m-%dT%H:%M:%S %A %B %j %p %I %y %% %-d %-m'); strftime_now('%a %e %U %W %w %u %V %G %D %R %T %F'); raise_exception('no'); nope(1); n(1); xs(); 'a'()
loop; messages[0].role; messages | length; messages[-1]['content']; messages[::-1][0].role; (messages | selectattr('role', 'equalto', 'user') | list)[0].content; messages | map(attribute='role') | join(' ')
s | upper | lower | length; (s | upper).lower(); s | upper.lower(); -xs[0] | abs; s.split(', ') | map('first') | join; [n, f] | map('string') | join(' '); 'a' ~ 'b' | upper; 'a' + 'b' | upper; not s is string; s is string is true; 1 == 1 and 2 == 2; 5 > 3 == true; 1 in [1] == true; {'a': [1, {'b': 2}]}.a[1].b; [[1, 2], [3]][0][1]; ('a', 'b')[1]; (1, 2) | length; 'abc'[1:][0]
1 if; 1 +; [1, 2; {1}; (1; a b; 'x; 1 = 2; | upper; .x; s.; s | ; s is ; 5 | nope; for; {% if %}; a.1.2.x is defined; s |upper; 1 and; f(a=1, 2); f(**d, 1); x if y else; not; is; $; a ? b; 'é' is defined; é is defined; 1__0; 0777; 1.; .5; 1.e5
"""

STATEMENTS = [
    "{% for x in xs %}{{ x }},{% endfor %}",
    "{% for x in empty %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in xs if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% else %}none{% endfor %}",
    "{% for x in xs if x > 10 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in xs %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.depth }}{{ loop.depth0 }}|{% endfor %}",
    "{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.previtem is defined }}{{ loop.nextitem is defined }}|{% endfor %}",
    "{% for x in xs %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }};{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [1, 2] %}{{ a }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for c in u %}{{ c }}.{% endfor %}",
    "{% for x in missing %}x{% else %}empty{% endfor %}",
    "{% for x in none %}x{% endfor %}",
    "{% for x in 5 %}x{% endfor %}",
    "{% for x in xs %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in xs %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in xs %}{% for y in xs %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}",
    "{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}",
    "{% for x in xs %}{% for y in [1] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for x in xs %}{{ loop }}{% endfor %}",
    "{% for x in xs if loop.index > 1 %}{{ x }}{% endfor %}",
    "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}",
    "{% for x in (xs | select('odd')) %}{{ loop.index }}{{ x }}{{ loop.last }}{% endfor %}",
    "{% set g = xs | select('odd') %}{% for x in g %}{{ x }}{% endfor %}-{% for x in g %}{{ x }}{% endfor %}",
    "{% for x in xs: %}{{ x }}{% endfor %}",
    "{% break %}", "{% continue %}", "{% for x in xs %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% if n > 5 %}big{% elif n > 2 %}mid{% else %}small{% endif %}",
    "{% if n < 5 %}big{% elif n > 2 %}mid{% elif n %}x{% else %}small{% endif %}",
    "{% if missing %}a{% else %}b{% endif %}{% if e %}a{% else %}b{% endif %}{% if '0' %}a{% endif %}{% if 0.0 %}a{% endif %}{% if [] or {} or () %}a{% endif %}",
    "{% if n %}{% if no %}x{% endif %}y{% endif %}",
    "{% set x = 1 %}{{ x }}{% set x = x + 1 %}{{ x }}",
    "{% set x = 1 %}{% for i in xs %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }}",
    "{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% if no %}{% set q = 2 %}{% endif %}{{ q is defined }}",
    "{% for i in xs %}{% if i == 3 %}{% set q = i %}{% endif %}{{ q is defined }}{% endfor %}{{ q is defined }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set a, b = b, a %}{{ a }}{{ b }}",
    "{% set t = 1, 2 %}{{ t }}",
    "{% set x %}a{{ n }}b{% endset %}{{ x }}{{ x | length }}",
    "{% set x | upper | replace('A', 'z') %}abc{{ s }}{% endset %}{{ x }}",
    "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}",
    "{% set ns = namespace(found=false, n=0) %}{% for x in xs %}{% if x == 1 %}{% set ns.found = true %}{% endif %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.found }} {{ ns.n }} {{ ns.nope is defined }}",
    "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns['b'] }}",
    "{% set ns = namespace() %}{% set ns.t %}block{% endset %}{{ ns.t }}",
    "{% set d.x = 1 %}{{ d.x }}", "{% set missing.x = 1 %}", "{% set none = 1 %}", "{% set 5 = 1 %}", "{% set x.y.z = 1 %}",
    "{% macro m(a, b=2, c='x') %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 5) }}{{ m(1, c='y') }}{{ m(b=1, a=2) }}{{ m() }}",
    "{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}{{ m(none) }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(3) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[5]) }}{{ m(**{'a': 6}) }}",
    "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(5) }}",
    "{% set g = 'outer' %}{% macro m() %}{{ g }}{{ s }}{% set g = 'inner' %}{{ g }}{% endmacro %}{{ m() }}{{ g }}",
    "{% macro m() %}{{ later }}{% endmacro %}{% set later = 'L' %}{{ m() }}",
    "{% for x in xs %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m() %}  x  {% endmacro %}{{ m() | trim }}|{{ m() | length }}|{{ m.name }}|{{ m.arguments }}|{{ m.catch_kwargs }}|{{ m is callable }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}body {{ n }}{% endcall %}",
    "{% macro m(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(y) m([1, 2]) %}({{ y }}){% endcall %}",
    "{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}",
    "{% macro a() %}A{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}",
    "{% macro m(x) -%} {{ x }} {%- endmacro %}[{{ m(1) }}]",
    "{% macro m(a, a) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro %}{% endmacro %}", "{{ m }}{% macro m() %}{% endmacro %}",
    "{% filter upper %}abc {{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aaa{% endfilter %}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}", "{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z is defined }}",
    "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% print n, s %}", "{% raw %}{{ x }}{% if %}{# c #}{% endraw %}", "{%- raw -%}  a  {%- endraw -%}  b", "a\n  {% raw %}\n x\n  {% endraw %}\nb",
    "{% raw %}x", "{% generation %}x{% endgeneration %}", "a{% generation %}b{{ n }}{% endgeneration %}c{% generation %}é😀{% endgeneration %}",
    "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
    "{% generation %}{% set inside = 1 %}{% endgeneration %}{{ inside is defined }}",
    # Loops that are lazy, and their else.
    "{% for x in xs %}{% continue %}{% else %}none ended{% endfor %}", "{% for x in xs %}{% break %}{% else %}none ended{% endfor %}",
    "{% for x in xs %}{% if loop.first %}{% continue %}{% endif %}{{ x }}{% else %}none ended{% endfor %}",
    "{% set ns = namespace(seen=false) %}{% for x in xs if not ns.seen %}{{ x }}{% set ns.seen = true %}{% endfor %}",
    "{% set ns = namespace(seen=false) %}{% for x in xs if not ns.seen %}{{ x }}{{ loop.last }}{% set ns.seen = true %}{% endfor %}",
    "{% set ns = namespace(seen=false) %}{% for x in xs if not ns.seen %}{{ x }}{{ loop.length }}{{ loop.revindex }}{% set ns.seen = true %}{% endfor %}",
    "{% set g = ['a', 5] | map('abs') %}{{ g is defined }}", "{{ ['a', 5] | map('abs') | first }}", "{{ [1, 'a', missing] | map(attribute='x.y') | first is undefined }}",
    "{% for x in none | select('odd') %}x{% else %}nothing{% endfor %}", "{{ none | map('upper') | list }}{{ 0 | rejectattr('x') | list }}",
    # Names that a block assigns after blocks inside of it have read them.
    "{% for x in xs %}{{ s }}{% endfor %}{% set s = 1 %}{{ s }}", "{% if yes %}{{ s }}{% endif %}{% set s = 1 %}{{ s }}",
    "{% for x in xs %}{{ s }}{% endfor %}{% if yes %}{% set s = 1 %}{% endif %}{{ s }}", "{% set s %}{{ s }}{% endset %}{{ s }}",
    "{% set s = s ~ '!' %}{{ s }}", "{% macro m() %}{{ s }}{% endmacro %}{{ m() }}{% set s = 1 %}{{ m() }}",
    "{% for x in xs %}{% for y in xs %}{{ s is defined }}{% endfor %}{% set s = 1 %}{% endfor %}{{ s }}",
    "{% filter upper %}{{ s is defined }}{% endfilter %}{% set s, e = 1, 2 %}{{ s }}", "{% with s = s %}{{ s }}{% endwith %}",
    "{% for s in [1] %}{{ s }}{% endfor %}{{ s }}", "{% macro s() %}{{ s is defined }}{% endmacro %}{{ s() }}",
    # Letters with several cases, undefined values.
    "{{ 'ŉ ǆ ǅ ß ﬁ ᾳ ΐ აბ'.title() }}{{ 'ŉa'.capitalize() }}{{ 'ΑΣ ΑΣΑ'.capitalize() }}{{ 'ΟΔΟΣ ΣΑΣ' | title }}{{ 'ΟΔΟΣ'.title() }}{{ 'ǅaΣ ᾈ'.swapcase() }}",
    "{{ '٣' | int }}{{ '١٢' | int(0, 16) }}{{ '٣.٥' | float }}{{ '²' | int }}", "{{ '²'.isdigit() }}{{ '①⑴'.isdigit() }}{{ '½'.isdigit() }}{{ '一'.isnumeric() }}{{ 'ǅa'.istitle() }}{{ 'A1b'.istitle() }}{{ 'Ⅷ'.isupper() }}",
    "{{ missing is callable }}{{ '%r|%s|' % (missing, missing) }}{{ [missing] }}{{ 'a' % [1] }}{{ '%s' % missing }}",
    "{% for x in xs %}{% for y in xs if loop.index > 1 %}{{ y }}{% endfor %}|{% endfor %}", "{% if no %}{{ s | upper.x }}{% endif %}",
    # Text marked as safe, generators, ranges.
    "{{ ('<' | safe) + '<' }}", "{{ '<' + ('<' | e) + '&' }}", "{{ ('<' | safe) ~ '<' }}", "{{ (s | safe).upper() + '<' }}", "{{ ('<' | safe | trim) + '>' }}",
    "{{ [s | safe, 'x' | e] }}", "{{ (s | safe)[0] + '<' }}", "{{ (d | tojson | safe) + '\n' }}", "{{ (s | safe) == s }}{{ s in (s | safe) }}{{ {s: 1}[s | safe] }}",
    "{{ '<' | e | e }}", "{{ ('%s' | safe) | length }}", "{{ range(9)[2:6:2] }}", "{{ range(9)[::-1] }}", "{{ range(4)[1:] | list }}", "{{ n[1:] }}", "{{ d[1:] }}",
    "{{ (xs | map('string')) | reverse }}", "{{ -0.0 | abs }}", "{{ ['x'] | min(attribute='y') }}", "{{ [d] | max }}", "{{ '%x' % 2.0 }}",
    "{{ 9007199254740993 / 3 }}", "{{ 9007199254740993 == 9007199254740992.0 }}", "{{ 7.0 // 0.1 }}", "{{ -1.0 % 0.1 }}", "{{ {(1, [2]): 3} }}", "{{ [[1], (1, [2])] | unique | list }}",
    "{% macro m() %}{{ varargs }}{% generation %}{{ varargs }}{{ kwargs }}{% endgeneration %}{% endmacro %}{{ m(none, 2) }}",
    # White space and newlines.
    "a\n{% if yes %}\nb\n{% endif %}\nc\n", "a\n  {% if yes %}\n  b\n  {% endif %}\nc", "a  {%- if yes %}  b  {%- endif %}  c", "a {%- if yes -%} b {%- endif -%} c",
    "  {% if yes %}x{% endif %}", "  {%+ if yes %}x{% endif %}", "a\n  {%+ if yes %}\nx{% endif %}", "a{% if yes +%}\nb{% endif %}", "{{ n }}\n{{ n }}\n", "  {{ n }}  ", "a {{- n -}} b", "a\n\n{{- n -}}\n\nb",
    "{# c #}\nx", "  {# c #}\nx", "a {#- c -#} b", "a\n  {# c #}  \nb", "{# {{ x }} {% if %} #}y", "{# unclosed", "a{#+ c +#}\nb", "x {# a #}{# b #}\ny", "\t{% set x = 1 %}\n\t{{ x }}\n",
    "a\r\nb\r\n{% if yes %}\r\nc{% endif %}\r\n", "a\rb\r", "a\n\n", "a\n\n\n", "\n", "", "\n\na", "{{ 'x\ny' }}", "{{ 'x\r\ny' }}", "{{\n  n\n}}", "{%\nif yes\n%}x{%\nendif\n%}",
    "{{ '}}' }}", "{{ '%}' }}", "{{ {'a': {'b': 1}} }}", "{{ {'a': 1}}}", "{%if yes%}x{%endif%}", "{{n}}", "{ { n } }", "{n}", "{{ '{{' }}", "a { b } c % d #", "{{ n }}}", "{{-n-}}", "{{- -n }}", "{{ n -}} x", "{% set x = '{% x %}' %}{{ x }}",
    "\u00a0{% if yes %}x{% endif %}", "a\u2003{%- if yes %}x{% endif %}", "x{{ n }}  \n  {% if yes %}  y{% endif %}",
    "{% for x in xs %}\n{{ x }}\n{% endfor %}\n", "{% for x in xs -%}\n  {{ x }}\n{%- endfor %}\n", "{% for x in xs %}\n  {% if x > 1 %}\n    {{ x }}\n  {% endif %}\n{% endfor %}",
    # Broken.
    "{% if yes %}x", "{% for x in xs %}x", "{% endif %}", "{% else %}", "{% if yes %}{% endfor %}", "{{ n", "{% if yes", "{{ }}", "{% %}", "{% nope %}", "{% if %}{% endif %}", "{% for in xs %}{% endfor %}", "{% for x xs %}{% endfor %}", "{% set %}", "{% set x = %}", "{{ n }", "{{ (n }}", "{{ n) }}", "{{ [n) }}",
    "{% if yes %}a{% else %}b{% else %}c{% endif %}", "{% if yes %}a{% else %}b{% elif no %}c{% endif %}", "{% macro m() %}", "{% call n %}x{% endcall %}", "{{ raise_exception('stop ' ~ n) }}", "{% if yes %}{{ raise_exception(s) }}{% endif %}",
]

# jinja2 accepts these; the interpreter names them as unsupported.
UNSUPPORTED = [
    "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% block b %}x{% endblock %}", "{% autoescape true %}x{% endautoescape %}",
    "{{ people | groupby('age') | list }}", "{{ s | urlencode }}", "{{ xs | pprint }}", "{{ 'a'.encode() }}", "{{ '{}'.format(1) }}", "{{ xs[1, 2] }}", "{{ 9999999999999999999999 }}",
    "{{ n.bit_length() }}", "{{ s.casefold() }}", "{{ (s | safe).split() }}", "{{ '%s' | safe | format(1) }}", "{{ (-8) ** 0.5 }}", "{{ s is escaped }}", "{{ 2 ** 70 }}",
]


def split(text):
    """Expressions of the list above, parted by '; '."""
    for line in text.strip("\n").replace("\\\nb'", "\0").split("\n"):
        for part in line.split("; "):
            yield part.replace("\0", "\\\nb'").replace("\\\\", "\\")


def render(source, variables):
    """The text of a template and its generation spans, or the error; None where it takes more than two seconds."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return NOW

    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    spans, blocks = [], []
    with mock.patch.object(utils, "datetime", Clock):
        signal.setitimer(signal.ITIMER_REAL, 2)
        try:
            template = utils._cached_compile_jinja_template(source)
            with template.environment.activate_tracker(blocks, spans):
                for block in template.generate(**variables):
                    blocks.append(block)
            return {"text": "".join(blocks), "generated": spans}
        except (TimeoutError, RecursionError, MemoryError):
            return None
        except Exception as failure:
            return {"error": f"{type(failure).__name__}: {failure}".split("\n")[0]}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def conversation(rng):
    pieces = ["hello", " ", "\n", "{{ x }}", "<|im_end|>", "é", "😀", "\t", "%}", "'", '"', "\\", "<b>", "\u2028", "a b", "\r\n", "[INST]"]
    turns = [SYSTEM] if rng.random() < 0.4 else []
    for i in range(rng.randint(1, 6)):
        content = "".join(rng.choice(pieces) for _ in range(rng.randint(0, 8)))
        turns.append({"role": ["user", "assistant"][i % 2], "content": content})
    return turns


def write(path, cases, **more):
    golden = {"now": NOW.isoformat(), **more, "cases": cases}
    text = json.dumps(golden, ensure_ascii=True, separators=(",", ":")).replace('{"name"', '\n{"name"')
    path.write_text(text + "\n")
    print(f"{path.name}: {len(cases)} cases, {sum('error' in case for case in cases)} of them errors, {len(text)} bytes")


def main():
    constructs = []
    for i, expression in enumerate(split(EXPRESSIONS)):
        source = "{{ " + expression + " }}"
        constructs.append({"name": f"expression {i}", "source": source, **render(source, VALUES)})
    for i, source in enumerate(STATEMENTS):
        constructs.append({"name": f"statement {i}", "source": source, **render(source, VALUES)})
    write(HERE / "constructs.json", constructs, values=VALUES, unsupported=UNSUPPORTED)

    rng = random.Random(7)
    conversations = []
    for messages in CONVERSATIONS + [conversation(rng) for _ in range(12)]:
        for tools in (None, TOOLS):
            for prompt in (False, True):
                documents = DOCUMENTS if len(conversations) % 5 == 0 else None
                conversations.append({"messages": messages, "tools": tools, "documents": documents, "add_generation_prompt": prompt,
                                      "bos_token": "<s>", "eos_token": "</s>"})
    cases = []
    for file in sorted(HERE.glob("*.jinja")):
        source = file.read_text()
        for i, variables in enumerate(conversations):
            cases.append({"name": f"{file.stem} {i}", "file": file.name, "variables": i, **render(source, variables)})
    write(HERE / "conversations.json", cases, conversations=conversations)


if __name__ == "__main__":
    main()
