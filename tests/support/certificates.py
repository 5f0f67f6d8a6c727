"""Certificates for tests, made with openssl(1): authorities, and what they sign."""
import os
import subprocess


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}:\n{done.stdout}")


class Authority:
    """A certificate authority whose files, and those it issues, stand in `folder`."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.cert = os.path.join(folder, f"{name}.crt")
        self.key = os.path.join(folder, f"{name}.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-keyout", self.key, "-out", self.cert, "-subj", f"/CN={name} of the tests",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, subject, alternatives=None, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        """(certificate, key) of files named so; `alternatives` such as "DNS:db.example,IP:127.0.0.1"."""
        cert, private = (os.path.join(self.folder, f"{name}.{kind}") for kind in ("crt", "key"))
        extra = ("-addext", f"subjectAltName={alternatives}") if alternatives else ()
        _openssl("req", "-x509", "-newkey", *key, "-nodes", "-days", "30", "-keyout", private, "-out", cert,
                 "-CA", self.cert, "-CAkey", self.key, "-subj", subject,
                 "-addext", "basicConstraints=critical,CA:FALSE", *extra)
        os.chmod(private, 0o600)
        return cert, private
