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
	values := flagValues(arguments[1:])
	switch arguments[0] {
	case "generate":
		fmt.Println(credentials.RandomSecret())
		return nil
	case "rotate":
		return rotateToken(values)
	}
	return fmt.Errorf("the k3s stand-in has token rotate and token generate, not %q", arguments[0])
}

// flagValues reads `--name value` and `--name=value`; a name before another flag, or at the end, is "true".
func flagValues(arguments []string) map[string]string {
	values := map[string]string{}
	for i := 0; i < len(arguments); i++ {
		name, value, given := strings.Cut(strings.TrimLeft(arguments[i], "-"), "=")
		switch {
		case given:
		case i+1 < len(arguments) && (arguments[i+1] == "-" || !strings.HasPrefix(arguments[i+1], "-")):
			i++
			value = arguments[i]
		default:
			value = "true"
		}
		if name == "t" {
			name = "token"
		}
		values[name] = value
	}
	return values
}

// serverToken is the one given, else the one that a server has written here.
func serverToken(values map[string]string) (string, error) {
	if given := or(values["token"], os.Getenv("K3S_TOKEN")); given != "" {
		return given, nil
	}
	content, err := os.ReadFile(credentials.Files(or(values["data-dir"], "/var/lib/rancher/k3s")).TokenFile)
	if err != nil {
		return "", fmt.Errorf("no --token given and none here: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

func rotateToken(values map[string]string) error {
	old, err := serverToken(values)
	if err != nil {
		return err
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

// rotateCA is `k3s certificate rotate-ca --path FOLDER [--force]`: FOLDER/tls has what is to replace files of server/tls.
func rotateCA(values map[string]string) error {
	if values["path"] == "" {
		return errors.New("Required flag \"path\" not set")
	}
	token, err := serverToken(values)
	if err != nil {
		return err
	}
	staged, err := credentials.ServerFiles{Dir: filepath.Join(values["path"], "tls")}.ReadShared()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := supervisor.Connect(ctx, or(values["server"], "https://127.0.0.1:6443"), token, "server")
	if err != nil {
		return err
	}
	if err := client.JSON(ctx, http.MethodPut, supervisor.PathReplaceCA+"?force="+or(values["force"], "false"), staged, nil); err != nil {
		return fmt.Errorf("see server log for details: %w", err)
	}
	fmt.Println("certificates saved to datastore")
	return nil
}

// certificate is `k3s certificate check|rotate|rotate-ca`.
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
	case "rotate-ca":
		return rotateCA(flagValues(arguments[1:]))
	case "rotate":
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
		slog.Info("Successfully removed the leaf certificates, restart k3s to make new ones")
		return nil
	}
	return fmt.Errorf("the k3s stand-in has certificate check, rotate and rotate-ca, not %q", verb)
}

func leafFiles(dataDir string) ([]string, error) {
	var out []string
	for _, folder := range []string{"server/tls", "server/tls/etcd", "agent"} {
		found, err := filepath.Glob(filepath.Join(dataDir, folder, "*.crt"))
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			if !strings.HasSuffix(file, "-ca.crt") && !strings.HasSuffix(file, ".nochain.crt") {
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
