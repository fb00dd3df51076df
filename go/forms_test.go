package capbuf

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// forms returns every form of URL with a secret: as it is shown, and as it is passed.
func forms(t *testing.T) [][2]string {
	t.Helper()
	var forms [][2]string
	for line := range strings.Lines(string(must(os.ReadFile("../tests/forms/urls.txt"))(t))) {
		if shown, url, found := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); found {
			forms = append(forms, [2]string{shown, url})
		}
	}
	if len(forms) < 100 {
		t.Fatalf("%d forms", len(forms))
	}
	return forms
}

func TestEveryFormOfURLIsShownAsTheTableSays(t *testing.T) {
	r := private(t)
	for _, form := range forms(t) {
		shown, url := form[0], form[1]
		if redacted := Redact(url); redacted != shown {
			t.Errorf("Redact(%q) is %q, want %q", url, redacted, shown)
		}
		b := allocated(t, r, url, spec16)
		_, exists := r.Allocate(url, spec16)
		config := SourceConfig{Name: url, Locator: url}
		for _, printed := range []string{fmt.Sprint(b), fmt.Sprintf("%#v", b), exists.Error(), fmt.Sprintf("%v %#v", config, config)} {
			if strings.Contains(strings.ToLower(printed), "esame") {
				t.Errorf("printed of %q: %s", url, printed)
			}
		}
		b.Close()
	}
}
