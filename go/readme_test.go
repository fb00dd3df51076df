package capbuf

import (
	"os"
	"strings"
	"testing"
)

func TestReadmeShowsTheTestedExample(t *testing.T) {
	readme := string(must(os.ReadFile("README.md"))(t))
	example := string(must(os.ReadFile("example_test.go"))(t))
	_, inReadme, _ := strings.Cut(readme, "```go\n")
	inReadme, _, _ = strings.Cut(inReadme, "```")
	_, tested, _ := strings.Cut(example, "func Example() {\n")
	tested, _, _ = strings.Cut(tested, "}\n\n")
	tested = strings.TrimPrefix(strings.ReplaceAll("\n"+tested, "\n\t", "\n"), "\n")
	if inReadme == "" || inReadme != tested {
		t.Errorf("the README has\n%s\nthe tested example is\n%s", inReadme, tested)
	}
}
