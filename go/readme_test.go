package capbuf

import (
	"os"
	"strings"
	"testing"
)

func TestTheQuickStartIsTheExampleThatIsRun(t *testing.T) {
	readme := string(must(os.ReadFile("README.md"))(t))
	example := string(must(os.ReadFile("example_test.go"))(t))
	_, shown, _ := strings.Cut(readme, "```go\n")
	shown, _, _ = strings.Cut(shown, "```")
	_, run, _ := strings.Cut(example, "func Example() {\n")
	run, _, _ = strings.Cut(run, "}\n\n")
	run = strings.TrimPrefix(strings.ReplaceAll("\n"+run, "\n\t", "\n"), "\n")
	if shown == "" || shown != run {
		t.Errorf("the README shows\n%s\nand run is\n%s", shown, run)
	}
}
