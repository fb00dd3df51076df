package capbuf

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// printingRole runs in a process of its own, with DEBUG_BUFFER_ALLOC set.
func printingRole(role string) int {
	r, err := Private()
	if err != nil {
		return 1
	}
	b, err := r.GetOrAllocate("mic", minute)
	if err != nil {
		return 1
	}
	defer b.Close()
	if role == "prints at a signal twice" {
		fmt.Println("ready")
		printReports()
		printReports()
		fmt.Println("printed")
		io.Copy(io.Discard, os.Stdin)
		return 0
	}
	if role == "prints at a signal" {
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return 0
	}
	r.Close()
	return 0
}

func printing(t *testing.T, role, value string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(deadline(t), must(os.Executable())(t))
	command.Env = append(os.Environ(), "CAPBUF_TEST_ROLE="+role, "DEBUG_BUFFER_ALLOC="+value)
	return command
}

func TestClosedPrivateRegistryPrintsItsReport(t *testing.T) {
	for value, reports := range map[string]int{"true": 1, "false": 0, "maybe": 0} {
		var errors strings.Builder
		command := printing(t, "prints when closed", value)
		command.Stderr = &errors
		if err := command.Run(); err != nil {
			t.Fatal(err, errors.String())
		}
		if found := strings.Count(errors.String(), "attempts 1, allocations 1, live buffers 1"); found != reports {
			t.Errorf("%q prints %d reports: %s", value, found, errors.String())
		}
		if isReported := strings.Contains(errors.String(), `"maybe" switches nothing`); isReported != (value == "maybe") {
			t.Errorf("%q prints: %s", value, errors.String())
		}
	}
}

func TestClosedPipeOnStderrEndsNothing(t *testing.T) {
	command := printing(t, "prints at a signal twice", "true")
	in := must(command.StdinPipe())(t)
	out := bufio.NewScanner(must(command.StdoutPipe())(t))
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	command.Stderr = writer
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if !out.Scan() || out.Text() != "ready" {
		t.Fatal("the other process is not ready: ", out.Text())
	}
	if !out.Scan() || out.Text() != "printed" {
		t.Fatal("the report ended the other process: ", command.Wait())
	}
	in.Close()
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestReportIsPrintedAtSignal(t *testing.T) {
	command := printing(t, "prints at a signal", "true")
	in := must(command.StdinPipe())(t)
	out := bufio.NewScanner(must(command.StdoutPipe())(t))
	errors := bufio.NewScanner(must(command.StderrPipe())(t))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if !out.Scan() || out.Text() != "ready" {
		t.Fatal("the other process is not ready: ", out.Text())
	}
	if err := command.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	for errors.Scan() && !strings.Contains(errors.Text(), "at SIGUSR2") {
	}
	for errors.Scan() && !strings.Contains(errors.Text(), "attempts 1, allocations 1, live buffers 1") {
	}
	if err := errors.Err(); err != nil || errors.Text() == "" {
		t.Fatal("no report: ", err)
	}
	in.Close()
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
}
