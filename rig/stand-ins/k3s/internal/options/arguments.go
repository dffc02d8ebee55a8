package options

import (
	"sort"
	"strings"
)

// Arguments renders a program's flags in a stable order. Extra `name=value` entries replace defaults of the same name;
// several extra entries of one name all stay, as the programs take lists that way, and feature gates always add up.
func Arguments(defaults map[string]string, extra []string) []string {
	all := map[string][]string{}
	for name, value := range defaults {
		all[name] = []string{value}
	}
	replaced := map[string]bool{}
	for _, entry := range extra {
		name, value, given := strings.Cut(strings.TrimLeft(entry, "-"), "=")
		if !given {
			value = "true"
		}
		if !replaced[name] && name != "feature-gates" {
			replaced[name] = true
			all[name] = nil
		}
		all[name] = append(all[name], value)
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	var out []string
	for _, name := range names {
		for _, value := range all[name] {
			out = append(out, "--"+name+"="+value)
		}
	}
	return out
}
