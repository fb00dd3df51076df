//go:build race

package capbuf

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestRaceDetectorSeesAccessesOfC(t *testing.T) {
	for _, role := range []string{"modifies samples during a write", "reads samples during a read", "reads an old window"} {
		command := exec.Command(must(os.Executable())(t), "-test.run=^$")
		command.Env = append(os.Environ(), "CAPBUF_TEST_ROLE="+role, "CAPBUF_DIR="+sharedFolder(t), "GORACE=exitcode=66")
		out, err := command.CombinedOutput()
		if command.ProcessState.ExitCode() != 66 || !strings.Contains(string(out), "DATA RACE") {
			t.Errorf("a process that %s is not detected: %v, %s", role, err, out)
		}
	}
}
