package options

import (
	"fmt"
	"io"
	"sort"
)

// Help lists the settings of a role and says which of them the stand-in refuses.
func Help(to io.Writer, role Role) {
	names := make([]string, 0, len(keys))
	for name, k := range keys {
		if role == Server || k.agent {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	fmt.Fprintf(to, "Usage: k3s %s [settings]\n\n", role)
	for _, name := range names {
		k := keys[name]
		about := ""
		if k.env != "" {
			about = "[$" + k.env + "]"
		}
		if k.refused != "" {
			about += " not supported here: " + k.refused
		}
		fmt.Fprintf(to, "  --%-36s %s\n", name, about)
	}
}
