package decl

func universeRows() []row {
	return []row{
		{name: "None", kind: Constant, returns: "None", purpose: "The absence of a value.", example: "x = None\n"},
		{name: "True", kind: Constant, returns: "bool", purpose: "The boolean true.", example: "x = True\n"},
		{name: "False", kind: Constant, returns: "bool", purpose: "The boolean false.", example: "x = False\n"},
		{
			name: "abs", returns: "int | float", purpose: "The absolute value of a number.",
			params:  []string{"x: int | float", "the number", "/"},
			example: "x = abs(-1)\n",
		},
		{
			name: "all", returns: "bool", purpose: "Whether every element is true.",
			params:  []string{"iterable: iterable", "the elements", "/"},
			example: "x = all([1, 2])\n",
		},
		{
			name: "any", returns: "bool", purpose: "Whether some element is true.",
			params:  []string{"iterable: iterable", "the elements", "/"},
			example: "x = any([0, 1])\n",
		},
		{
			name: "bool", returns: "bool", purpose: "The truth of a value.",
			params:  []string{"x: any = False", "the value", "/"},
			example: "x = bool('')\n",
		},
		{
			name: "bytes", returns: "bytes", purpose: "The value as bytes.",
			params:  []string{"x: str | bytes | iterable", "the value", "/"},
			example: "x = bytes('a')\n",
		},
		{
			name: "chr", returns: "str", purpose: "The text of one Unicode code point.",
			params:  []string{"i: int", "the code point", "/"},
			example: "x = chr(65)\n",
		},
		{
			name: "dict", returns: "dict", purpose: "A new dictionary.",
			params:  []string{"pairs: dict | iterable = []", "entries, as pairs", "/", "**kwargs: any", "further entries"},
			example: "x = dict(a=1)\n",
		},
		{
			name: "dir", returns: "list[str]", purpose: "The names of a value's attributes.",
			params:  []string{"x: any", "the value", "/"},
			example: "x = dir('')\n",
		},
		{
			name: "enumerate", returns: "list[tuple[int, any]]", purpose: "Pairs of index and element.",
			params:  []string{"iterable: iterable", "the elements", "start: int = 0", "the first index", "/"},
			example: "x = enumerate(['a'])\n",
		},
		{
			name: "float", returns: "float", purpose: "The value as a floating-point number.",
			params:  []string{"x: any = 0.0", "a number, a boolean or a text", "/"},
			example: "x = float('1.5')\n",
		},
		{
			name: "getattr", returns: "any", purpose: "A value's attribute, by name.",
			params:  []string{"x: any", "the value", "name: str", "the attribute", "default: any = ", "what to return when it has none; without it, that is an error", "/"},
			example: "x = getattr('', 'upper')\n",
		},
		{
			name: "hasattr", returns: "bool", purpose: "Whether a value has an attribute.",
			params:  []string{"x: any", "the value", "name: str", "the attribute", "/"},
			example: "x = hasattr('', 'upper')\n",
		},
		{
			name: "hash", returns: "int", purpose: "A number that equal texts share.",
			params:  []string{"x: str | bytes", "the text", "/"},
			example: "x = hash('a')\n",
		},
		{
			name: "int", returns: "int", purpose: "The value as an integer.",
			params:  []string{"x: any", "a number, a boolean or a text", "base: int = 10", "the base of the text; 0 reads its prefix"},
			example: "x = int('ff', base=16)\n",
		},
		{
			name: "len", returns: "int", purpose: "The number of elements.",
			params:  []string{"x: str | bytes | iterable", "a text or a collection", "/"},
			example: "x = len([1])\n",
		},
		{
			name: "list", returns: "list", purpose: "A new list.",
			params:  []string{"iterable: iterable = []", "its elements", "/"},
			example: "x = list((1, 2))\n",
		},
		{
			name: "max", returns: "any", purpose: "The greatest element.",
			params:  []string{"*args: any", "the elements, or one iterable", "*", "key: callable = ", "what to compare in place of the elements"},
			example: "x = max([1, 2])\n",
		},
		{
			name: "min", returns: "any", purpose: "The least element.",
			params:  []string{"*args: any", "the elements, or one iterable", "*", "key: callable = ", "what to compare in place of the elements"},
			example: "x = min([1, 2])\n",
		},
		{
			name: "ord", returns: "int", purpose: "The code point of a text of one character.",
			params:  []string{"s: str | bytes", "the text", "/"},
			example: "x = ord('A')\n",
		},
		{
			name: "print", returns: "", purpose: "Logs values.",
			params:  []string{"*args: any", "the values", "*", "sep: str = ' '", "what to put between them"},
			example: "x = print('hello')\n",
		},
		{
			name: "range", returns: "range", purpose: "Integers from start to before stop.",
			params:  []string{"start_or_stop: int", "the first, or the end when it is alone", "stop: int = ", "the end", "step: int = 1", "the difference of neighbours", "/"},
			example: "x = range(3)\n",
		},
		{
			name: "repr", returns: "str", purpose: "The value as Starlark would write it.",
			params:  []string{"x: any", "the value", "/"},
			example: "x = repr('a')\n",
		},
		{
			name: "reversed", returns: "list", purpose: "The elements in reverse order.",
			params:  []string{"iterable: iterable", "the elements", "/"},
			example: "x = reversed([1, 2])\n",
		},
		{
			name: "set", returns: "set", purpose: "A new set.",
			params:  []string{"iterable: iterable = []", "its elements", "/"},
			example: "x = set([1, 1])\n",
		},
		{
			name: "sorted", returns: "list", purpose: "The elements in order.",
			params:  []string{"iterable: iterable", "the elements", "key: callable = ", "what to compare in place of the elements", "reverse: bool = False", "in descending order"},
			example: "x = sorted([2, 1])\n",
		},
		{
			name: "str", returns: "str", purpose: "The value as a text.",
			params:  []string{"x: any", "the value", "/"},
			example: "x = str(1)\n",
		},
		{
			name: "tuple", returns: "tuple", purpose: "A new tuple.",
			params:  []string{"iterable: iterable = []", "its elements", "/"},
			example: "x = tuple([1])\n",
		},
		{
			name: "type", returns: "str", purpose: "The name of a value's type.",
			params:  []string{"x: any", "the value", "/"},
			example: "x = type('')\n",
		},
		{
			name: "zip", returns: "list[tuple]", purpose: "Tuples of the elements with the same index.",
			params:  []string{"*args: iterable", "the iterables"},
			example: "x = zip([1], ['a'])\n",
		},
	}
}

func methodRows() []row {
	return []row{
		{
			name: "str.capitalize", returns: "str", purpose: "The text with its first letter in upper case and the rest in lower case.", method: true,
			example: "x = 'abc'.capitalize()\n",
		},
		{
			name: "str.codepoint_ords", returns: "iterable", purpose: "The text's code points, as integers.", method: true,
			example: "x = list('a'.codepoint_ords())\n",
		},
		{
			name: "str.codepoints", returns: "iterable", purpose: "The text's characters.", method: true,
			example: "x = list('a'.codepoints())\n",
		},
		{
			name: "str.count", returns: "int", purpose: "How often a text occurs in it, without overlaps.", method: true,
			params:  []string{"sub: str", "the text", "start: int | None = None", "the first index", "end: int | None = None", "the index behind the last", "/"},
			example: "x = 'aa'.count('a')\n",
		},
		{
			name: "str.elem_ords", returns: "iterable", purpose: "The text's bytes, as integers.", method: true,
			example: "x = list('a'.elem_ords())\n",
		},
		{
			name: "str.elems", returns: "iterable", purpose: "The text's bytes, as texts.", method: true,
			example: "x = list('a'.elems())\n",
		},
		{
			name: "str.endswith", returns: "bool", purpose: "Whether it ends with a text.", method: true,
			params:  []string{"suffix: str | tuple[str]", "the text, or several", "start: int | None = None", "the first index", "end: int | None = None", "the index behind the last", "/"},
			example: "x = 'ab'.endswith('b')\n",
		},
		{
			name: "str.find", returns: "int", purpose: "The first index of a text, or -1.", method: true,
			params:  []string{"sub: str", "the text", "start: int | None = None", "the first index", "end: int | None = None", "the index behind the last", "/"},
			example: "x = 'ab'.find('b')\n",
		},
		{
			name: "str.format", returns: "str", purpose: "The text with `{}`, `{0}` and `{name}` replaced by the arguments.", method: true,
			params:  []string{"*args: any", "for `{}` and `{0}`", "**kwargs: any", "for `{name}`"},
			example: "x = '{}-{x}'.format(1, x=2)\n",
		},
		{
			name: "str.index", returns: "int", purpose: "The first index of a text; it must occur.", method: true,
			params:  []string{"sub: str", "the text", "start: int | None = None", "the first index", "end: int | None = None", "the index behind the last", "/"},
			example: "x = 'ab'.index('b')\n",
		},
		{
			name: "str.isalnum", returns: "bool", purpose: "Whether it has letters and digits alone.", method: true,
			example: "x = 'a1'.isalnum()\n",
		},
		{
			name: "str.isalpha", returns: "bool", purpose: "Whether it has letters alone.", method: true,
			example: "x = 'a'.isalpha()\n",
		},
		{
			name: "str.isdigit", returns: "bool", purpose: "Whether it has digits alone.", method: true,
			example: "x = '1'.isdigit()\n",
		},
		{
			name: "str.islower", returns: "bool", purpose: "Whether its letters are all in lower case.", method: true,
			example: "x = 'a'.islower()\n",
		},
		{
			name: "str.isspace", returns: "bool", purpose: "Whether it has white space alone.", method: true,
			example: "x = ' '.isspace()\n",
		},
		{
			name: "str.istitle", returns: "bool", purpose: "Whether each word starts in upper case.", method: true,
			example: "x = 'Ab'.istitle()\n",
		},
		{
			name: "str.isupper", returns: "bool", purpose: "Whether its letters are all in upper case.", method: true,
			example: "x = 'A'.isupper()\n",
		},
		{
			name: "str.join", returns: "str", purpose: "The texts of a list, with this between them.", method: true,
			params:  []string{"iterable: iterable", "the texts", "/"},
			example: "x = ', '.join(['a', 'b'])\n",
		},
		{
			name: "str.lower", returns: "str", purpose: "The text in lower case.", method: true,
			example: "x = 'A'.lower()\n",
		},
		{
			name: "str.lstrip", returns: "str", purpose: "The text without leading characters.", method: true,
			params:  []string{"cutset: str = ''", "the characters; without it, white space", "/"},
			example: "x = ' a'.lstrip()\n",
		},
		{
			name: "str.partition", returns: "tuple[str, str, str]", purpose: "What stands before, at and after the first occurrence of a text.", method: true,
			params:  []string{"sep: str", "the text", "/"},
			example: "x = 'a=b'.partition('=')\n",
		},
		{
			name: "str.removeprefix", returns: "str", purpose: "The text without a beginning, if it has that.", method: true,
			params:  []string{"prefix: str", "the beginning", "/"},
			example: "x = 'ab'.removeprefix('a')\n",
		},
		{
			name: "str.removesuffix", returns: "str", purpose: "The text without an end, if it has that.", method: true,
			params:  []string{"suffix: str", "the end", "/"},
			example: "x = 'ab'.removesuffix('b')\n",
		},
		{
			name: "str.replace", returns: "str", purpose: "The text with one text replaced by another.", method: true,
			params:  []string{"old: str", "what to replace", "new: str", "by what", "count: int = -1", "how often at most", "/"},
			example: "x = 'a'.replace('a', 'b')\n",
		},
		{
			name: "str.rfind", returns: "int", purpose: "The last index of a text, or -1.", method: true,
			params:  []string{"sub: str", "the text", "start: int | None = None", "the first index", "end: int | None = None", "the index behind the last", "/"},
			example: "x = 'aa'.rfind('a')\n",
		},
		{
			name: "str.rindex", returns: "int", purpose: "The last index of a text; it must occur.", method: true,
			params:  []string{"sub: str", "the text", "start: int | None = None", "the first index", "end: int | None = None", "the index behind the last", "/"},
			example: "x = 'aa'.rindex('a')\n",
		},
		{
			name: "str.rpartition", returns: "tuple[str, str, str]", purpose: "What stands before, at and after the last occurrence of a text.", method: true,
			params:  []string{"sep: str", "the text", "/"},
			example: "x = 'a=b'.rpartition('=')\n",
		},
		{
			name: "str.rsplit", returns: "list[str]", purpose: "Its parts, split from the right.", method: true,
			params:  []string{"sep: str | None = None", "what separates; without it, white space", "maxsplit: int = -1", "how often at most", "/"},
			example: "x = 'a b'.rsplit()\n",
		},
		{
			name: "str.rstrip", returns: "str", purpose: "The text without trailing characters.", method: true,
			params:  []string{"cutset: str = ''", "the characters; without it, white space", "/"},
			example: "x = 'a '.rstrip()\n",
		},
		{
			name: "str.split", returns: "list[str]", purpose: "Its parts.", method: true,
			params:  []string{"sep: str | None = None", "what separates; without it, white space", "maxsplit: int = -1", "how often at most", "/"},
			example: "x = 'a b'.split()\n",
		},
		{
			name: "str.splitlines", returns: "list[str]", purpose: "Its lines.", method: true,
			params:  []string{"keepends: bool = False", "keep the line breaks", "/"},
			example: "x = 'a\\nb'.splitlines()\n",
		},
		{
			name: "str.startswith", returns: "bool", purpose: "Whether it starts with a text.", method: true,
			params:  []string{"prefix: str | tuple[str]", "the text, or several", "start: int | None = None", "the first index", "end: int | None = None", "the index behind the last", "/"},
			example: "x = 'ab'.startswith('a')\n",
		},
		{
			name: "str.strip", returns: "str", purpose: "The text without leading and trailing characters.", method: true,
			params:  []string{"cutset: str = ''", "the characters; without it, white space", "/"},
			example: "x = ' a '.strip()\n",
		},
		{
			name: "str.title", returns: "str", purpose: "The text with each word in title case.", method: true,
			example: "x = 'ab'.title()\n",
		},
		{
			name: "str.upper", returns: "str", purpose: "The text in upper case.", method: true,
			example: "x = 'a'.upper()\n",
		},
		{
			name: "bytes.elems", returns: "iterable", purpose: "The bytes, as integers.", method: true,
			example: "x = list(bytes('a').elems())\n",
		},
		{
			name: "list.append", returns: "", purpose: "Adds an element at the end.", method: true,
			params:  []string{"x: any", "the element", "/"},
			example: "x = [].append(1)\n",
		},
		{
			name: "list.clear", returns: "", purpose: "Removes all elements.", method: true,
			example: "x = [1].clear()\n",
		},
		{
			name: "list.extend", returns: "", purpose: "Adds elements at the end.", method: true,
			params:  []string{"iterable: iterable", "the elements", "/"},
			example: "x = [].extend([1])\n",
		},
		{
			name: "list.index", returns: "int", purpose: "The first index of an element; it must be there.", method: true,
			params:  []string{"x: any", "the element", "start: int | None = None", "the first index", "end: int | None = None", "the index behind the last", "/"},
			example: "x = [1].index(1)\n",
		},
		{
			name: "list.insert", returns: "", purpose: "Adds an element before an index.", method: true,
			params:  []string{"i: int", "the index", "x: any", "the element", "/"},
			example: "x = [].insert(0, 1)\n",
		},
		{
			name: "list.pop", returns: "any", purpose: "Removes an element and returns it.", method: true,
			params:  []string{"i: int = -1", "its index", "/"},
			example: "x = [1].pop()\n",
		},
		{
			name: "list.remove", returns: "", purpose: "Removes the first element that equals a value.", method: true,
			params:  []string{"x: any", "the value", "/"},
			example: "x = [1].remove(1)\n",
		},
		{
			name: "dict.clear", returns: "", purpose: "Removes all entries.", method: true,
			example: "x = {}.clear()\n",
		},
		{
			name: "dict.get", returns: "any", purpose: "A key's value.", method: true,
			params:  []string{"key: any", "the key", "default: any = None", "what to return when it is not there", "/"},
			example: "x = {}.get('a')\n",
		},
		{
			name: "dict.items", returns: "list[tuple[any, any]]", purpose: "Pairs of key and value.", method: true,
			example: "x = {}.items()\n",
		},
		{
			name: "dict.keys", returns: "list", purpose: "The keys.", method: true,
			example: "x = {}.keys()\n",
		},
		{
			name: "dict.pop", returns: "any", purpose: "Removes a key and returns its value.", method: true,
			params:  []string{"key: any", "the key", "default: any = ", "what to return when it is not there; without it, that is an error", "/"},
			example: "x = {'a': 1}.pop('a')\n",
		},
		{
			name: "dict.popitem", returns: "tuple[any, any]", purpose: "Removes the first entry and returns it.", method: true,
			example: "x = {'a': 1}.popitem()\n",
		},
		{
			name: "dict.setdefault", returns: "any", purpose: "A key's value, added first when it is not there.", method: true,
			params:  []string{"key: any", "the key", "default: any = None", "the value to add", "/"},
			example: "x = {}.setdefault('a', 1)\n",
		},
		{
			name: "dict.update", returns: "", purpose: "Adds or replaces entries.", method: true,
			params:  []string{"pairs: dict | iterable = []", "entries, as pairs", "/", "**kwargs: any", "further entries"},
			example: "x = {}.update(a=1)\n",
		},
		{
			name: "dict.values", returns: "list", purpose: "The values.", method: true,
			example: "x = {}.values()\n",
		},
		{
			name: "set.add", returns: "", purpose: "Adds an element.", method: true,
			params:  []string{"x: any", "the element", "/"},
			example: "x = set().add(1)\n",
		},
		{
			name: "set.clear", returns: "", purpose: "Removes all elements.", method: true,
			example: "x = set().clear()\n",
		},
		{
			name: "set.difference", returns: "set", purpose: "Elements that the other does not have.", method: true,
			params:  []string{"other: iterable", "the other", "/"},
			example: "x = set([1]).difference([2])\n",
		},
		{
			name: "set.discard", returns: "", purpose: "Removes an element, if it is there.", method: true,
			params:  []string{"x: any", "the element", "/"},
			example: "x = set().discard(1)\n",
		},
		{
			name: "set.intersection", returns: "set", purpose: "Elements that the other has too.", method: true,
			params:  []string{"other: iterable", "the other", "/"},
			example: "x = set([1]).intersection([1])\n",
		},
		{
			name: "set.issubset", returns: "bool", purpose: "Whether another has all its elements.", method: true,
			params:  []string{"other: iterable", "the other", "/"},
			example: "x = set().issubset([1])\n",
		},
		{
			name: "set.issuperset", returns: "bool", purpose: "Whether it has all elements of another.", method: true,
			params:  []string{"other: iterable", "the other", "/"},
			example: "x = set([1]).issuperset([])\n",
		},
		{
			name: "set.pop", returns: "any", purpose: "Removes the first element and returns it.", method: true,
			example: "x = set([1]).pop()\n",
		},
		{
			name: "set.remove", returns: "", purpose: "Removes an element; it must be there.", method: true,
			params:  []string{"x: any", "the element", "/"},
			example: "x = set([1]).remove(1)\n",
		},
		{
			name: "set.symmetric_difference", returns: "set", purpose: "Elements that one of two has.", method: true,
			params:  []string{"other: iterable", "the other", "/"},
			example: "x = set([1]).symmetric_difference([2])\n",
		},
		{
			name: "set.union", returns: "set", purpose: "Elements of it and of others.", method: true,
			params:  []string{"*others: iterable", "the others"},
			example: "x = set([1]).union([2])\n",
		},
		{
			name: "set.update", returns: "", purpose: "Adds the elements of others.", method: true,
			params:  []string{"*others: iterable", "the others"},
			example: "x = set().update([1])\n",
		},
	}
}
