package command

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"homelab/k3s/internal/credentials"
	"homelab/k3s/internal/options"
	"homelab/k3s/internal/supervisor"
)

// token is `k3s token rotate|generate`.
func token(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("usage: k3s token rotate --token OLD --new-token NEW | k3s token generate")
	}
	values := map[string]string{}
	for i := 1; i < len(arguments); i++ {
		name, value, given := strings.Cut(strings.TrimLeft(arguments[i], "-"), "=")
		if !given && i+1 < len(arguments) {
			i++
			value = arguments[i]
		}
		if name == "t" {
			name = "token"
		}
		values[name] = value
	}
	switch arguments[0] {
	case "generate":
		fmt.Println(credentials.RandomSecret())
		return nil
	case "rotate":
		return rotateToken(values)
	}
	return fmt.Errorf("the k3s stand-in has token rotate and token generate, not %q", arguments[0])
}

func rotateToken(values map[string]string) error {
	dataDir := or(values["data-dir"], "/var/lib/rancher/k3s")
	old := or(values["token"], os.Getenv("K3S_TOKEN"))
	if old == "" {
		content, err := os.ReadFile(credentials.Files(dataDir).TokenFile)
		if err != nil {
			return fmt.Errorf("no --token given and none here: %w", err)
		}
		old = strings.TrimSpace(string(content))
	}
	// A command line is for all to see: the new token may come by standard input as "-", or by environment.
	renewed := or(values["new-token"], os.Getenv("K3S_NEW_TOKEN"))
	if renewed == "-" {
		var line string
		if _, err := fmt.Scanln(&line); err != nil {
			return fmt.Errorf("reading the new token from standard input: %w", err)
		}
		renewed = line
	}
	if renewed == "" {
		renewed = credentials.RandomSecret()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := supervisor.Connect(ctx, or(values["server"], "https://127.0.0.1:6443"), old, "server")
	if err != nil {
		return err
	}
	if err := client.JSON(ctx, http.MethodPut, supervisor.PathToken, supervisor.TokenChange{NewToken: renewed}, nil); err != nil {
		return err
	}
	slog.Info("Token rotated, restart k3s with new token")
	return nil
}

// certificate is `k3s certificate check|rotate`.
func certificate(arguments []string) error {
	verb := "check"
	if len(arguments) > 0 {
		verb = arguments[0]
	}
	o := "/var/lib/rancher/k3s"
	files, err := leafFiles(o)
	if err != nil {
		return err
	}
	switch verb {
	case "check":
		return checkCertificates(files)
	case "rotate":
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
		slog.Info("Successfully removed the leaf certificates, restart k3s to make new ones")
		return nil
	}
	return fmt.Errorf("the k3s stand-in has certificate check and certificate rotate, not %q", verb)
}

func leafFiles(dataDir string) ([]string, error) {
	var out []string
	for _, folder := range []string{"server/tls", "server/tls/etcd", "agent"} {
		found, err := filepath.Glob(filepath.Join(dataDir, folder, "*.crt"))
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			if !strings.HasSuffix(file, "-ca.crt") {
				out = append(out, file)
			}
		}
	}
	return out, nil
}

func checkCertificates(files []string) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FILENAME\tSUBJECT\tEXPIRES\tRESIDUAL TIME")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		block, _ := pem.Decode(content)
		if block == nil {
			return fmt.Errorf("%s holds no certificate", file)
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		fmt.Fprintf(table, "%s\tCN=%s\t%s\t%d days\n", filepath.Base(file), parsed.Subject.CommonName, parsed.NotAfter.UTC().Format(time.RFC3339), int(time.Until(parsed.NotAfter).Hours()/24))
	}
	return table.Flush()
}

// checkConfig says what this machine lacks.
func checkConfig([]string) error {
	missing := 0
	say := func(ok bool, what, fix string) {
		if ok {
			fmt.Printf("- %s: good\n", what)
			return
		}
		missing++
		fmt.Printf("- %s: missing (%s)\n", what, fix)
	}
	for program, from := range map[string]string{"containerd": "containerd", "runc": "runc", "iptables": "iptables", "etcd": "etcd-server", "etcdctl": "etcd-client", "conntrack": "conntrack"} {
		_, err := exec.LookPath(program)
		say(err == nil, program, "install "+from)
	}
	_, err := os.Stat("/usr/lib/cni/bridge")
	say(err == nil, "CNI plugins", "install containernetworking-plugins")
	_, err = os.Stat("/dev/kmsg")
	say(err == nil, "/dev/kmsg", "bind it into the machine")
	filesystems, err := os.ReadFile("/proc/filesystems")
	say(err == nil && bytes.Contains(filesystems, []byte("overlay")), "overlay file system", "load the kernel module overlay")
	if _, err := options.Load(options.Server, nil); err != nil {
		missing++
		fmt.Printf("- settings: %v\n", err)
	}
	if missing > 0 {
		return fmt.Errorf("STATUS: %d (fail)", missing)
	}
	fmt.Println("\nSTATUS: pass")
	return nil
}
