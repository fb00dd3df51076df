package capbuf

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestEveryStatusOfTheHeaderHasASentinel(t *testing.T) {
	header := string(must(os.ReadFile("../include/capbuf.h"))(t))
	source := string(must(os.ReadFile("error.go"))(t))
	_, statuses, found := strings.Cut(header, "#define CAPBUF_OK 0")
	statuses, _, end := strings.Cut(statuses, "#define CAPBUF_FORMAT_OWN")
	if !found || !end {
		t.Fatal("the statuses are not found in the header")
	}
	rows := regexp.MustCompile(`#define CAPBUF_(\w+) (\d+)`).FindAllStringSubmatch(statuses, -1)
	if len(rows) < 26 {
		t.Fatalf("the header has %d statuses", len(rows))
	}
	for _, row := range rows {
		if name := Code(must(strconv.Atoi(row[2]))(t)).String(); name != row[1] {
			t.Errorf("%s has the name %s", row[1], name)
		}
		words := strings.Split(strings.ToLower(row[1]), "_")
		for i, word := range words {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
		sentinel := "Err" + strings.Join(words, "") + " error = Code(C.CAPBUF_" + row[1] + ")"
		if !strings.Contains(source, sentinel) {
			t.Errorf("missing: %s", sentinel)
		}
	}
}

func TestErrorMatchesItsKindOnly(t *testing.T) {
	_, err := private(t).Get("mic")
	if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrClosed) || errors.Is(err, ErrNotYet) {
		t.Error(err)
	}
	if !strings.HasPrefix(err.Error(), "capbuf: ") || ErrNotFound.Error() != "capbuf: NOT_FOUND" {
		t.Errorf("%v, %v", err, ErrNotFound)
	}
	if name := Code(9999).String(); name != "code 9999" {
		t.Error(name)
	}
}

func TestLibraryVersionMatchesTheHeader(t *testing.T) {
	header := string(must(os.ReadFile("../include/capbuf.h"))(t))
	if !strings.Contains(header, `#define CAPBUF_VERSION_STRING "`+Version()+`"`) {
		t.Errorf("version %s", Version())
	}
}
