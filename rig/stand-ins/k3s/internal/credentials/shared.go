package credentials

import (
	"errors"
	"os"
)

// ReadShared reads the files that all servers have alike; those that this cluster does not have are left out.
func (f ServerFiles) ReadShared() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range Shared {
		content, err := os.ReadFile(f.Path(name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[name] = content
	}
	return out, nil
}

// WriteShared puts them in place; names that are not in the list are ignored, whoever sent them.
func (f ServerFiles) WriteShared(files map[string][]byte) error {
	for _, name := range Shared {
		if content, ok := files[name]; ok {
			if err := WriteFile(f.Path(name), content, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}
