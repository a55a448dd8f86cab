package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"credence/internal/e2e/parts"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"credence": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)) },
	})
}

// TestScripts types the sessions in testdata/script, each against a Redis of
// its own. Besides the usual commands of testscript there are
//
//	keep NAME        makes what was printed last a variable: NAME=$(…)
//	redis pause      … resume, stop, restart: what happens to the server
//	redis-cli …      asks that server
//	keepall FILE     appends what was printed last, to both streams, to a file
//	await FILE WORDS waits until the words, a regular expression, are in a file
//	waiting N        waits until so many connections wait for changes
//	keypair NAME ALG makes NAME.pem, NAME.pub.pem, NAME.jwk (public) and NAME.crt
//	serve NAME FILE  makes $NAME the URL of a server on loopback that sends the file
//	seat NAME …      a server of the fleet: join, beat, withhold, follow, halt, leave;
//	                 $NAME, in capitals, is what the fleet calls it
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			server := parts.Redis(t)
			servers := newSeats(t, server.URL())
			_, port, _ := strings.Cut(server.Addr(), ":")
			testscript.Run(t, testscript.Params{
				Files: []string{file},
				Setup: func(env *testscript.Env) error {
					env.Setenv("CREDENCE_REDIS_URL", server.URL())
					env.Setenv("CREDENCE_BY", "alice")
					env.Setenv("REDIS_ADDR", server.Addr())
					env.Setenv("REDIS_SOCKET", server.Socket())
					env.Setenv("TERM", "dumb")
					env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command sleeps a second under the race detector
					return nil
				},
				Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
					"keep": keep,
					"redis-cli": func(ts *testscript.TestScript, _ bool, args []string) {
						ts.Check(ts.Exec("redis-cli", append([]string{"-p", port}, args...)...))
					},
					"keepall": keepAll,
					"keypair": func(ts *testscript.TestScript, neg bool, args []string) { keyPair(t, ts, neg, args) },
					"serve":   func(ts *testscript.TestScript, neg bool, args []string) { serveFile(t, ts, neg, args) },
					"seat":    servers.do,
					"await":   func(ts *testscript.TestScript, neg bool, args []string) { await(t, ts, neg, args) },
					"waiting": func(ts *testscript.TestScript, neg bool, args []string) {
						if neg || len(args) != 1 {
							ts.Fatalf("usage: waiting N")
						}
						parts.Await(t, 30*time.Second, "connections that wait", func() error {
							if info := server.CLI("INFO", "clients"); !strings.Contains(info, "blocked_clients:"+args[0]+"\r") {
								return errors.New(info)
							}
							return nil
						})
					},
					"redis": func(ts *testscript.TestScript, neg bool, args []string) {
						befall(ts, server, neg, args)
					},
				},
			})
		})
	}
}

func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep NAME")
	}
	text := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	if text == "" {
		ts.Fatalf("keep %s: nothing was printed", args[0])
	}
	ts.Setenv(args[0], text)
}

func keepAll(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keepall FILE")
	}
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = file.WriteString(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
	ts.Check(err)
	ts.Check(file.Close())
}

func await(t *testing.T, ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE WORDS")
	}
	words, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	parts.Await(t, 30*time.Second, "await "+args[0], func() error {
		text, err := os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		if err == nil && !words.Match(text) {
			err = fmt.Errorf("%s is not in\n%s", args[1], text)
		}
		return err
	})
}

func befall(ts *testscript.TestScript, server *parts.RedisServer, neg bool, args []string) {
	what := strings.Join(args, " ")
	do := map[string]func(){"pause": server.Pause, "resume": server.Resume, "stop": server.Stop, "restart": server.Restart}[what]
	if neg || do == nil {
		ts.Fatalf("usage: redis pause|resume|stop|restart")
	}
	do()
}
