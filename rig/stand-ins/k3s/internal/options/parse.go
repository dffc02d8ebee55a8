package options

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// Role is the subcommand that runs: "server" or "agent".
type Role string

const (
	Server Role = "server"
	Agent  Role = "agent"
)

// values holds every key that was set, lowest precedence first; a list's entries add up, of the rest the last one counts.
type values map[string][]string

func (v values) set(role Role, name, value string) error {
	k, ok := keys[name]
	if !ok || (role == Agent && !k.agent) {
		return fmt.Errorf("flag provided but not defined: -%s", name)
	}
	switch k.kind {
	case flag:
		if _, err := strconv.ParseBool(value); err != nil {
			return fmt.Errorf("invalid boolean value %q for -%s", value, name)
		}
	case number:
		if _, err := strconv.Atoi(value); err != nil {
			return fmt.Errorf("invalid value %q for flag -%s: not a number", value, name)
		}
	}
	if k.refused != "" && value != "" && !slices.Contains(k.harmless, value) {
		return fmt.Errorf("the k3s stand-in knows the setting %q but does not support it: %s; remove the setting or use the real k3s", name, k.refused)
	}
	v[name] = append(v[name], value)
	return nil
}

func (v values) text(name, fallback string) string {
	if all := v[name]; len(all) > 0 && all[len(all)-1] != "" {
		return all[len(all)-1]
	}
	return fallback
}

func (v values) flag(name string) bool {
	on, _ := strconv.ParseBool(v.text(name, "false"))
	return on
}

func (v values) number(name string, fallback int) int {
	n, err := strconv.Atoi(v.text(name, ""))
	if err != nil {
		return fallback
	}
	return n
}

// list splits at commas except where the entries are arguments, whose values may hold commas.
func (v values) list(name string) []string {
	var out []string
	for _, value := range v[name] {
		if value == "" {
			continue
		}
		if strings.HasSuffix(name, "-arg") {
			out = append(out, value)
		} else {
			for _, part := range strings.Split(value, ",") {
				out = append(out, strings.TrimSpace(part))
			}
		}
	}
	return out
}

// read collects what the environment, the config files and the command line say, in that order of precedence
// (the command line counts most; lists of files and command line add up; the environment counts when neither speaks).
func read(role Role, arguments []string, environment func(string) string) (values, error) {
	command := values{}
	if err := command.commandLine(role, arguments); err != nil {
		return nil, err
	}
	file := command.text("config", environment("K3S_CONFIG_FILE"))
	all := values{}
	if err := all.files(role, file); err != nil {
		return nil, err
	}
	for name, given := range command {
		all[name] = append(all[name], given...)
	}
	for name, k := range keys {
		if k.env == "" || len(all[name]) > 0 || (role == Agent && !k.agent) || strings.HasPrefix(k.env, "AWS_") {
			continue
		}
		if value := environment(k.env); value != "" {
			if err := all.set(role, name, value); err != nil {
				return nil, fmt.Errorf("%s: %w", k.env, err)
			}
		}
	}
	return all, nil
}

func (v values) commandLine(role Role, arguments []string) error {
	for i := 0; i < len(arguments); i++ {
		argument := arguments[i]
		if !strings.HasPrefix(argument, "-") {
			return fmt.Errorf("unexpected argument %q: settings are given as --name value", argument)
		}
		name, value, given := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if long, ok := shorthand[name]; ok {
			name = long
		}
		if !given {
			if keys[name].kind == flag {
				value = "true"
			} else if i+1 < len(arguments) {
				i++
				value = arguments[i]
			} else if _, ok := keys[name]; ok {
				return fmt.Errorf("flag needs an argument: -%s", name)
			}
		}
		if err := v.set(role, name, value); err != nil {
			return err
		}
	}
	return nil
}

// files reads config.yaml (which may be absent unless it was named) and then config.yaml.d/*.yaml in order of name.
func (v values) files(role Role, named string) error {
	main := named
	if main == "" {
		main = DefaultConfigFile
	}
	paths := []string{main}
	drop, _ := filepath.Glob(main + ".d/*.y*ml")
	sort.Strings(drop)
	for _, path := range append(paths, drop...) {
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) && path == main && named == "" {
			continue
		}
		if err != nil {
			return err
		}
		if err := v.document(role, content); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// document takes one YAML map. A key with a plus at its end adds to earlier files' values, one without replaces them.
func (v values) document(role Role, content []byte) error {
	var document map[string]any
	if err := yaml.Unmarshal(content, &document); err != nil {
		return err
	}
	names := make([]string, 0, len(document))
	for name := range document {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, written := range names {
		name := strings.TrimSuffix(written, "+")
		if long, ok := shorthand[name]; ok {
			name = long
		}
		if name == written {
			delete(v, name)
		}
		entries, isList := document[written].([]any)
		if !isList {
			entries = []any{document[written]}
		}
		if _, known := keys[name]; !known && role == Server {
			slog.Warn(fmt.Sprintf("Unknown flag --%s found in config.yaml, skipping", name))
			continue
		}
		for _, entry := range entries {
			if err := v.set(role, name, scalar(entry)); err != nil {
				return err
			}
		}
	}
	return nil
}

// scalar writes a YAML value as it would stand on a command line; YAML numbers arrive as float64.
func scalar(value any) string {
	switch typed := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(typed, 'f', -1, 64)
	default:
		return fmt.Sprint(typed)
	}
}
