# The figures of tests/bench/run or tests/bench/tcp as a table: medians, and
# ratios to a server, of the same round each.  -v markdown=1 for that form;
# -v blocks=1 for a table of each kind of figure, whose rows are servers, from
# labels "kind: column"; -v base=NAME for ratios to another than the first.
BEGIN { FS = "\t" }

{
	label = $1
	server = $3
	if (!(label in kind))
		labels[++rows] = label
	if (!(server in seen))
		servers[++columns] = server
	kind[label] = $2
	seen[server] = 1
	value[label, server, $4] = $5
	rounds[$4] = 1
}

function median(list, n,    i, j, t) {
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && list[j - 1] > list[j]; j--) {
			t = list[j]
			list[j] = list[j - 1]
			list[j - 1] = t
		}
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

function number(v) {
	return sprintf(v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : "%.2f", v)
}

# "figure ratio"
function cell(label, server,    r, n, m, basis, values, ratios, v, how) {
	for (r in rounds)
		if ((label, server, r) in value) {
			v = value[label, server, r]
			basis = value[label, base, r]
			values[++n] = v + 0
			if (basis > 0)
				ratios[++m] = v / basis
		}
	how = markdown ? "%s | %s |" : "%9s %5s"
	if (n == 0)
		return sprintf(how, "-", "-")
	v = median(values, n)
	if (kind[label] == "rate")
		v = 1 / v
	return sprintf(how, number(v), m ? number(median(ratios, m)) : "-")
}

# The first cell of a line, whose width is in characters where no markdown is.
function first(text, width) {
	return markdown ? "| " text " |" : sprintf("%-" width "s", text)
}

# One more pair of columns in the head, and the rule below it.
function head(text) {
	line = line sprintf(markdown ? " %s | x |" : " %9s     x", text)
	rule = rule "--:|--:|"
}

function print_head() {
	print line
	if (markdown)
		print rule
	rule = "|---|"
}

function print_table(    i, c) {
	line = first("", 39)
	for (c = 1; c <= columns; c++)
		head(servers[c])
	print_head()
	for (i = 1; i <= rows; i++) {
		line = first(labels[i], 39)
		for (c = 1; c <= columns; c++)
			line = line " " cell(labels[i], servers[c])
		print line
	}
}

# What is before the colon, and after it.
function split_labels(    i, at) {
	for (i = 1; i <= rows; i++) {
		at = index(labels[i], ": ")
		block[i] = substr(labels[i], 1, at - 1)
		column[i] = substr(labels[i], at + 2)
	}
}

function print_block(name,    i, c) {
	line = first(name, 34)
	for (i = 1; i <= rows; i++)
		if (block[i] == name)
			head(column[i])
	print_head()
	for (c = 1; c <= columns; c++) {
		line = first(servers[c], 34)
		for (i = 1; i <= rows; i++)
			if (block[i] == name)
				line = line " " cell(labels[i], servers[c])
		print line
	}
}

function print_blocks(    i, done) {
	split_labels()
	for (i = 1; i <= rows; i++)
		if (!(block[i] in done)) {
			done[block[i]] = 1
			print_block(block[i])
			print ""
		}
}

END {
	rule = "|---|"
	if (base == "")
		base = servers[1]
	if (blocks)
		print_blocks()
	else
		print_table()
}
