"""A TLS server for tests, on loopback: sends every line back, reversed.

    tls.py FOLDER

Makes an authority and a certificate for 127.0.0.1 first, and says in FOLDER/ready.json where it listens
and whom to trust: {"port": 1234, "authority": "-----BEGIN CERTIFICATE-----…"}.
"""

import datetime
import ipaddress
import json
import os
import socket
import ssl
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def signed(name, issuer, key, issuer_key, *extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    for extension, critical in (
        *extensions,
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (issued_by, False),
    ):
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def main(folder):
    named = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])  # noqa: E731
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        + ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        False,
    )
    usage.update(key_cert_sign=True, crl_sign=True)
    may_sign = [(x509.BasicConstraints(ca=True, path_length=0), True), (x509.KeyUsage(**usage), True)]
    authority = signed(named("tests"), named("tests"), authority_key, authority_key, *may_sign)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = signed(named("server"), named("tests"), key, authority_key, (address, False))
    pem = os.path.join(folder, "server.pem")
    with open(pem, "wb") as file:
        plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write(key.private_bytes(*plain) + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ready = {"port": listener.getsockname()[1], "authority": authority.decode()}
        with open(os.path.join(folder, "ready.part"), "w") as file:
            json.dump(ready, file)
        os.rename(file.name, os.path.join(folder, "ready.json"))
        while True:
            connection, _ = listener.accept()
            try:
                with connection, context.wrap_socket(connection, server_side=True) as secure:
                    line = secure.makefile("rb").readline().decode().rstrip("\n")
                    secure.sendall(line[::-1].encode() + b"\n")
            except OSError:
                # Somebody who does not trust us hangs up.
                pass


main(sys.argv[1])
