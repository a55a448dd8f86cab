package cli

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
)

// TestServeUnderItsRights: a whole server does with the rights of its role, on a
// registry that is new, and asks for nothing that it may not.
func TestServeUnderItsRights(t *testing.T) {
	w := &watch{t: t, server: parts.Redis(t)}
	if answer := w.server.CLI(strings.Fields(roles[0].line("worker", ">sesame", config.Default().Redis))...); answer != "OK" {
		t.Fatalf("ACL SETUSER: %s", answer)
	}
	w.run("default", "init")

	c := config.Default()
	c.Listen.GRPC, c.Listen.Ops, c.Listen.Drain = "127.0.0.1:0", "127.0.0.1:0", 0
	c.Redis.URL, c.Redis.Username, c.Redis.Password = w.server.URL(), "worker", credential.NewSecret("sesame")
	ctx, cancel := context.WithCancel(t.Context())
	up, ended := make(chan Addresses, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Service{Config: c, Log: &bytes.Buffer{}, Up: func(at Addresses) { up <- at }})
	}()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if listed, _ := w.run("default", "fleet list -o name"); listed != "" {
			t.Errorf("the server has ended, and is listed: %s", listed)
		}
		if refused := w.server.CLI("ACL", "LOG"); refused != "" {
			t.Errorf("the server was refused something:\n%s", refused)
		}
	}()
	<-up
	parts.Await(t, 30*time.Second, "a server that is listed", func() error {
		if listed, _ := w.run("default", "fleet list -o name"); listed == "" {
			return errors.New("nobody is")
		}
		return nil
	})
	for _, line := range []string{"client create acme --wait", "client disable acme", "client enable acme --wait"} {
		if _, status := w.run("default", line); status != statusDone || !strings.Contains(w.complaints, "applied by 1 server after ") {
			t.Errorf("credence %s: status %d: %s", line, status, w.complaints)
		}
	}
	if !slices.Contains(strings.Fields(w.server.CLI("CLIENT", "LIST")), "user=worker") {
		t.Error("nobody is connected under the rights of the role")
	}
}
