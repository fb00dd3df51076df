package prometheus

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capbuf.dev/capbuf"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metered returns a registry with a source, and a server of its metrics.
func metered(t *testing.T) (*capbuf.Registry, *httptest.Server) {
	t.Helper()
	registry, err := capbuf.Private()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { registry.Close() })
	spec := capbuf.Spec{Duration: time.Minute, SampleRateHz: 48000, Channels: 1, Format: capbuf.S16}
	for range 3 {
		buffer, err := registry.GetOrAllocate("rtsp://me:sesame@cam/1", spec)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { buffer.Close() })
	}
	metrics := prometheus.NewPedanticRegistry()
	if err := metrics.Register(NewCollector(registry)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	t.Cleanup(server.Close)
	return registry, server
}

func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	registry, server := metered(t)
	served := get(t, server.URL)
	for _, line := range []string{
		`capbuf_allocation_attempts_total{result="already_there"} 2`, "capbuf_live_buffers 1", `capbuf_source_frames_total{source="cam/1"} 0`,
		`capbuf_allocation_duration_seconds_count 1`,
	} {
		if !strings.Contains(served, line+"\n") {
			t.Errorf("no %s in\n%s", line, served)
		}
	}
	if strings.Contains(served, "sesame") {
		t.Error("the metrics contain a password")
	}
	promtool := exec.Command("promtool", "check", "metrics")
	promtool.Stdin = strings.NewReader(served)
	if output, err := promtool.CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("%v\n%s", err, output)
	}
	registry.Close()
	if served := get(t, server.URL); served != "" {
		t.Error(served)
	}
}

func TestPrometheusServerScrapesTheMetrics(t *testing.T) {
	_, server := metered(t)
	folder := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 100ms}\nscrape_configs:\n- job_name: capbuf\n  metrics_path: /\n"+
		"  static_configs: [{targets: [%q]}]\n", strings.TrimPrefix(server.URL, "http://"))
	if err := os.WriteFile(filepath.Join(folder, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	// Another process can take a free port before the server does: then try another one.
	for range 10 {
		address := freeAddress(t)
		command := exec.Command("prometheus", "--config.file="+filepath.Join(folder, "prometheus.yml"),
			"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address, "--log.level=error")
		command.Stderr = os.Stderr
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			command.Wait()
			close(ended)
		}()
		t.Cleanup(func() {
			command.Process.Kill()
			<-ended
		})
		if scraped(t, "http://"+address, ended) {
			return
		}
	}
	t.Error("no port for the server")
}

// scraped waits until a server has scraped a live buffer. It returns false if the server ended.
func scraped(t *testing.T, server string, ended <-chan struct{}) bool {
	query := server + "/api/v1/query?query=" + url.QueryEscape(`capbuf_live_buffers{job="capbuf"}`)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			return false
		default:
		}
		var answer struct {
			Data struct {
				Result []struct{ Value [2]any }
			}
		}
		if response, err := http.Get(query); err == nil {
			err = json.NewDecoder(response.Body).Decode(&answer)
			response.Body.Close()
			if result := answer.Data.Result; err == nil && len(result) == 1 && result[0].Value[1] == "1" {
				return true
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server scraped nothing: %+v", answer)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return string(body)
}
