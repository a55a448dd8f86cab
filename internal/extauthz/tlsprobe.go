package extauthz

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"google.golang.org/grpc/credentials"
)

var errAnotherCertificate = errors.New("extauthz: TLS: the server shows another certificate than the one in the file")

// ProbeCredentials are what a server is asked for its health with by one who
// has its files, as a probe beside it has: they show the server's own
// certificate, and take no other. Checks are not answered to them. An error
// says which file cannot be used, and why.
func ProbeCredentials(certFile, keyFile string) (credentials.TransportCredentials, error) {
	paths := []string{certFile, keyFile}
	texts, err := readAll(paths)
	if err != nil {
		return nil, err
	}
	own, err := parseOwn(paths, texts)
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &own.pair, nil // whichever authorities the server names
		},
		// Not by an authority and a name, but by being this very one.
		InsecureSkipVerify: true, // #nosec G402 -- VerifyConnection does it
		VerifyConnection: func(state tls.ConnectionState) error {
			return sameCertificate(state.PeerCertificates, own.leaf)
		},
	}), nil
}

func sameCertificate(shown []*x509.Certificate, own *x509.Certificate) error {
	if len(shown) == 0 || !shown[0].Equal(own) {
		return errAnotherCertificate
	}
	return nil
}
