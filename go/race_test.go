//go:build race

package capbuf

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestTheRaceDetectorSeesWhatIsDoneWithACallersMemory(t *testing.T) {
	for _, role := range []string{"changes what is written", "looks at what is read into", "keeps a window"} {
		command := exec.Command(must(os.Executable())(t), "-test.run=^$")
		command.Env = append(os.Environ(), "CAPBUF_TEST_ROLE="+role, "CAPBUF_DIR="+sharedFolder(t), "GORACE=exitcode=66")
		out, err := command.CombinedOutput()
		if command.ProcessState.ExitCode() != 66 || !strings.Contains(string(out), "DATA RACE") {
			t.Errorf("who %s is not caught: %v, %s", role, err, out)
		}
	}
}
