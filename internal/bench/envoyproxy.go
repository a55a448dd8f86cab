package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A proxy is a real Envoy with one worker.
type proxy struct {
	process *process
	admin   string // host:port
}

// startEnvoy starts Envoy with a listener for each passage, waits until it
// serves, and tells each passage where it begins.
func (s *stage) startEnvoy(ctx context.Context, program string, passages []*passage) (*proxy, error) {
	text, err := envoyConfig(passages)
	if err != nil {
		return nil, err
	}
	config, admin := filepath.Join(s.dir, "envoy.yaml"), filepath.Join(s.dir, "envoy.admin")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	process, err := s.start("envoy", program, "-c", config, "--admin-address-path", admin,
		"--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
	if err != nil {
		return nil, fmt.Errorf("%w (`make envoy` fetches it)", err)
	}
	e := &proxy{process: process}
	return e, process.await(ctx, func() error {
		address, err := os.ReadFile(admin) // #nosec G304 -- in a directory of ours
		if err != nil {
			return err
		}
		e.admin = strings.TrimSpace(string(address))
		if _, err := page(ctx, "http://"+e.admin+"/ready"); err != nil {
			return err
		}
		listeners, err := page(ctx, "http://"+e.admin+"/listeners?format=json")
		if err != nil {
			return err
		}
		return locate(listeners, passages)
	})
}

// locate reads what Envoy says of its listeners: the kernel has chosen ports.
func locate(text []byte, passages []*passage) error {
	var listeners struct {
		Statuses []struct {
			Name    string `json:"name"`
			Address struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal(text, &listeners); err != nil {
		return fmt.Errorf("listeners: %w", err)
	}
	addresses := make(map[string]string)
	for _, l := range listeners.Statuses {
		addresses[l.Name] = net.JoinHostPort(l.Address.Socket.Address, strconv.Itoa(l.Address.Socket.Port))
	}
	for _, p := range passages {
		if p.address = addresses[p.Listener]; p.address == "" {
			return fmt.Errorf("no listener %s", p.Listener)
		}
	}
	return nil
}

// answerBytes gives how many bytes a server sent Envoy for each check, frames
// and trailers of gRPC included.
func (e *proxy) answerBytes(ctx context.Context, cluster string) (float64, error) {
	text, err := page(ctx, "http://"+e.admin+"/stats?filter=^cluster\\."+cluster+"\\.")
	if err != nil {
		return 0, err
	}
	prefix := "cluster." + cluster + "."
	bytes, checks := envoyStat(text, prefix+"upstream_cx_rx_bytes_total"), envoyStat(text, prefix+"upstream_rq_completed")
	if checks == 0 {
		return 0, errors.New("Envoy has asked nothing")
	}
	return bytes / checks, nil
}

// envoyStat finds a statistic in what Envoy tells; one that is not there is zero.
func envoyStat(text []byte, name string) float64 {
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+": "); found {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err == nil {
				return number
			}
		}
	}
	return 0
}
