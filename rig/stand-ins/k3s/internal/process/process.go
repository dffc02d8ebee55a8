// Package process keeps child processes running for as long as this one does.
package process

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Child is a program to keep running.
type Child struct {
	// Name is argv[0] and the prefix of its log lines.
	Name string
	// Path of the executable; "" is this one, which is every Kubernetes program.
	Path string
	// Args is asked before each start, so that a restart may differ from the first start.
	Args func() ([]string, error)
	Env  []string
	// Grace is how long it may take to end after SIGTERM before SIGKILL; 10 s when zero.
	Grace time.Duration
}

// Fixed makes arguments that are the same at each start.
func Fixed(arguments ...string) func() ([]string, error) {
	return func() ([]string, error) { return arguments, nil }
}

// collectRarely halves the processor time of garbage collection for some memory: several servers share one computer.
const collectRarely = "GOGC=200"

const (
	shortestPause = time.Second
	longestPause  = 15 * time.Second
	// healthy is how long a child must have run for its next failure to count as the first one.
	healthy = time.Minute
)

// Group is a set of children that is stopped in reverse order of their start.
type Group struct {
	mutex   sync.Mutex
	running []*handle
}

type handle struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Keep starts the child and starts it again whenever it ends, until Stop or until the answered function is called.
func (g *Group) Keep(child Child) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	h := &handle{cancel: cancel, done: make(chan struct{})}
	g.mutex.Lock()
	g.running = append(g.running, h)
	g.mutex.Unlock()
	go func() {
		defer close(h.done)
		// The kernel sends the parent-death signal when the thread that forked ends, so that thread must stay.
		runtime.LockOSThread()
		pause := shortestPause
		for ctx.Err() == nil {
			began := time.Now()
			err := child.run(ctx)
			if ctx.Err() != nil {
				return
			}
			if time.Since(began) > healthy {
				pause = shortestPause
			}
			slog.Warn("child process ended, starting it again", "name", child.Name, "result", fmt.Sprint(err), "pause", pause.String())
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, longestPause)
		}
	}()
	return func() {
		cancel()
		<-h.done
	}
}

// Stop ends all children, the last started first, and returns when they have ended.
func (g *Group) Stop() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for i := len(g.running) - 1; i >= 0; i-- {
		g.running[i].cancel()
		<-g.running[i].done
	}
	g.running = nil
}

// run starts the child once and returns how it ended; a cancelled context ends it.
func (c Child) run(ctx context.Context) error {
	arguments, err := c.Args()
	if err != nil {
		return err
	}
	path := c.Path
	if path == "" {
		// Follows the running executable even when an upgrade has replaced the file on disk.
		path = "/proc/self/exe"
	}
	command := &exec.Cmd{
		Path: path, Args: append([]string{c.Name}, arguments...),
		Env:         append(append([]string{collectRarely}, os.Environ()...), c.Env...),
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true},
	}
	// READY=1 is this process's to say.
	command.Env = without(command.Env, "NOTIFY_SOCKET", "K3S_TOKEN", "K3S_AGENT_TOKEN")
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	command.Stdout, command.Stderr = writer, writer
	err = command.Start()
	writer.Close()
	if err != nil {
		reader.Close()
		return err
	}
	go prefix(c.Name, reader, os.Stderr)
	ended := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		select {
		case <-stop:
			return
		case <-ctx.Done():
		}
		_ = command.Process.Signal(syscall.SIGTERM)
		grace := c.Grace
		if grace == 0 {
			grace = 10 * time.Second
		}
		select {
		case <-stop:
		case <-time.After(grace):
			_ = command.Process.Kill()
		}
	}()
	ended <- command.Wait()
	close(stop)
	return <-ended
}

// prefix copies lines and says of each whose it is.
func prefix(name string, from io.ReadCloser, to io.Writer) {
	defer from.Close()
	lines := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			fmt.Fprintf(to, "%s: %s\n", name, strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return
		}
	}
}

func without(environment []string, names ...string) []string {
	var out []string
next:
	for _, entry := range environment {
		for _, name := range names {
			if strings.HasPrefix(entry, name+"=") {
				continue next
			}
		}
		out = append(out, entry)
	}
	return out
}
