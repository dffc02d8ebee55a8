package controlplane

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

func chownGroup(path, group string) error {
	if group == "" {
		return nil
	}
	gid, err := strconv.Atoi(group)
	if err != nil {
		found, err := user.LookupGroup(group)
		if err != nil {
			return fmt.Errorf("write-kubeconfig-group: %w", err)
		}
		if gid, err = strconv.Atoi(found.Gid); err != nil {
			return err
		}
	}
	return os.Chown(path, 0, gid)
}
