# The figures of tests/bench/run as a table: medians, and ratios to the first
# server, of the same round each.  -v markdown=1 for that form.
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
function cell(label, server,    r, n, m, base, values, ratios, v, how) {
	for (r in rounds)
		if ((label, server, r) in value) {
			v = value[label, server, r]
			base = value[label, servers[1], r]
			values[++n] = v + 0
			if (base > 0)
				ratios[++m] = v / base
		}
	how = markdown ? "%s | %s" : "%9s %5s"
	if (n == 0)
		return sprintf(how, "-", "-")
	v = median(values, n)
	if (kind[label] == "rate")
		v = 1 / v
	return sprintf(how, number(v), m ? number(median(ratios, m)) : "-")
}

END {
	line = markdown ? "| |" : sprintf("%-39s", "")
	rule = "|---|"
	for (c = 1; c <= columns; c++) {
		line = line sprintf(markdown ? " %s | x |" : " %9s     x",
		    servers[c])
		rule = rule "--:|--:|"
	}
	print line
	if (markdown)
		print rule
	for (i = 1; i <= rows; i++) {
		line = sprintf(markdown ? "| %s |" : "%-39s", labels[i])
		for (c = 1; c <= columns; c++)
			line = line " " cell(labels[i], servers[c]) \
			    (markdown ? " |" : "")
		print line
	}
}
