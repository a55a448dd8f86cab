package parts

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

//go:embed signers/sign.py
var signPython []byte

//go:embed signers/sign.mjs
var signNode []byte

// Signer is a library of another language that signs and verifies JWTs, in a process of its own. Its methods fail the
// test when the process does not answer; they may be called from any number of goroutines.
type Signer struct {
	// Name is the library's: PyJWT, joserfc or jose.
	Name string

	turn     sync.Mutex
	requests io.Writer
	answers  <-chan []byte // closed when the process has ended
}

// SignRequest is a JWT to be.
type SignRequest struct {
	Algorithm string
	Key       string         // private, as a JWK or in PEM
	Header    map[string]any // besides alg, and what the library adds unasked
	Claims    map[string]any
}

// SignerRefusal is how a library refuses: with the name of its error, and the text. The zero SignerRefusal is none.
type SignerRefusal struct {
	Error string `json:"error"`
	Why   string `json:"why"`
}

// Signers starts each library that is pinned: two of Python, one of Node. They end with the test.
func Signers(t testing.TB) []*Signer {
	t.Helper()
	dir := t.TempDir()
	NodeModules(t, dir)
	for name, script := range map[string][]byte{"sign.py": signPython, "sign.mjs": signNode} {
		if err := os.WriteFile(filepath.Join(dir, name), script, 0o600); err != nil {
			t.Fatalf("parts: signers: %v", err)
		}
	}
	python, node := PythonProgram(t), NodeProgram(t)
	return []*Signer{
		startSigner(t, "PyJWT", dir, python, "sign.py", "pyjwt"),
		startSigner(t, "joserfc", dir, python, "sign.py", "joserfc"),
		startSigner(t, "jose", dir, node, "sign.mjs"),
	}
}

func startSigner(t testing.TB, name, dir, program string, args ...string) *Signer {
	t.Helper()
	log := filepath.Join(dir, name+".log")
	showOnFailure(t, name, log)
	printed, err := os.Create(log)
	if err != nil {
		t.Fatalf("parts: %s: %v", name, err)
	}
	defer printed.Close() // the process has its own copy
	command := exec.Command(program, args...)
	command.Dir, command.Stderr = dir, printed
	command.Env = append(os.Environ(), PythonPath(t), "PYTHONDONTWRITEBYTECODE=1")
	requests, err := command.StdinPipe()
	if err != nil {
		t.Fatalf("parts: %s: %v", name, err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatalf("parts: %s: %v", name, err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("parts: %s: %v", name, err)
	}
	answers := make(chan []byte)
	go func() {
		defer close(answers)
		lines := bufio.NewReader(output)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			answers <- line
		}
	}()
	t.Cleanup(func() {
		// It ends when there is nothing more to read, also where a test process dies without this.
		if err := requests.Close(); err != nil {
			t.Errorf("parts: %s: %v", name, err)
		}
		hung := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		defer hung.Stop()
		for range answers { // all of it is read before Wait closes the pipe
			continue
		}
		if err := command.Wait(); err != nil {
			t.Errorf("parts: %s: %v", name, err)
		}
	})
	return &Signer{Name: name, requests: requests, answers: answers}
}

// Sign has the library sign.
func (s *Signer) Sign(t testing.TB, r SignRequest) (string, SignerRefusal) {
	t.Helper()
	var answer struct {
		SignerRefusal
		JWT string `json:"jwt"`
	}
	s.ask(t, r.as("sign"), &answer)
	return answer.JWT, answer.SignerRefusal
}

// Habits has the library sign once for each of the ways in which those who use it write times, by the way's name: iat
// is now by the machine's clock, and exp five minutes later.
func (s *Signer) Habits(t testing.TB, r SignRequest) (map[string]string, SignerRefusal) {
	t.Helper()
	var answer struct {
		SignerRefusal
		JWTs map[string]string `json:"jwts"`
	}
	s.ask(t, r.as("habits"), &answer)
	return answer.JWTs, answer.SignerRefusal
}

// Verify has the library verify a JWT, with a public key as a JWK or in PEM, and returns the claims. It allows that one
// algorithm, wants the audience, and goes by the machine's clock.
func (s *Signer) Verify(t testing.TB, algorithm, key, audience, jwt string) (map[string]any, SignerRefusal) {
	t.Helper()
	var answer struct {
		SignerRefusal
		Claims map[string]any `json:"claims"`
	}
	s.ask(t, map[string]any{"do": "verify", "alg": algorithm, "key": key, "audience": audience, "jwt": jwt}, &answer)
	return answer.Claims, answer.SignerRefusal
}

func (r SignRequest) as(do string) map[string]any {
	header := r.Header
	if header == nil {
		header = map[string]any{}
	}
	return map[string]any{"do": do, "alg": r.Algorithm, "key": r.Key, "header": header, "claims": r.Claims}
}

// ask writes a request, which ends its line, and reads the answer to it.
func (s *Signer) ask(t testing.TB, request, answer any) {
	t.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatalf("parts: %s: request: %v", s.Name, err)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if _, err := s.requests.Write(append(line, '\n')); err != nil {
		t.Fatalf("parts: %s: request: %v", s.Name, err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case text, running := <-s.answers:
		if !running {
			t.Fatalf("parts: %s ended without an answer", s.Name)
		}
		if err := json.Unmarshal(text, answer); err != nil {
			t.Fatalf("parts: %s: answer: %v", s.Name, err)
		}
	case <-late.C:
		t.Fatalf("parts: %s: no answer within %v", s.Name, patience)
	}
}
