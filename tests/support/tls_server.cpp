#include "tls_server.h"

#include <csignal>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <julu/crypto.h>

namespace julu::test {
namespace {

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("a TLS server: ") + what);
}

// Of a key by itself, for 127.0.0.1, for an hour.
X509* self_signed(EVP_PKEY* key) {
  X509* made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, key);
  X509_NAME* name = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(made, name);
  for (const auto& [id, value] :
       {std::pair(NID_subject_alt_name, "IP:127.0.0.1"), std::pair(NID_basic_constraints, "critical,CA:TRUE")}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
  }
  require(X509_sign(made, key, EVP_sha256()) > 0, "certificate");
  return made;
}

}  // namespace

struct TlsServer::Parts {
  std::string answer;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = self_signed(key);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port = 0;
  std::thread thread;

  void serve() const {
    sigset_t pipe;  // a client may be gone when it is answered
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (;;) {
      const int connection = ::accept(listener, nullptr, nullptr);
      if (connection < 0) return;
      SSL* tls = SSL_new(context);
      SSL_set_fd(tls, connection);
      char asked[8192];
      if (SSL_accept(tls) == 1 && SSL_read(tls, asked, sizeof asked) > 0) {
        SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
        SSL_shutdown(tls);
      }
      SSL_free(tls);
      ::close(connection);
    }
  }
};

TlsServer::TlsServer(std::string answer) : parts_(std::make_unique<Parts>()) {
  parts_->answer = std::move(answer);
  require(SSL_CTX_use_certificate(parts_->context, parts_->certificate) == 1, "certificate");
  require(SSL_CTX_use_PrivateKey(parts_->context, parts_->key) == 1, "key");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* at = reinterpret_cast<sockaddr*>(&address);
  require(::bind(parts_->listener, at, size) == 0 && ::listen(parts_->listener, 4) == 0, "listen");
  ::getsockname(parts_->listener, at, &size);
  parts_->port = ntohs(address.sin_port);
  parts_->thread = std::thread([parts = parts_.get()] { parts->serve(); });
}

TlsServer::~TlsServer() {
  ::shutdown(parts_->listener, SHUT_RDWR);
  parts_->thread.join();
  ::close(parts_->listener);
  SSL_CTX_free(parts_->context);
  X509_free(parts_->certificate);
  EVP_PKEY_free(parts_->key);
}

std::string TlsServer::url() const { return "https://127.0.0.1:" + std::to_string(parts_->port); }

std::string TlsServer::certificate() const {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, parts_->certificate);
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(memory, &bytes);
  std::string pem(bytes, static_cast<std::size_t>(length));
  BIO_free(memory);
  return pem;
}

std::string TlsServer::pin() const {
  unsigned char* bytes = nullptr;
  const int length = i2d_PUBKEY(parts_->key, &bytes);
  const Hash hash = sha256({reinterpret_cast<char*>(bytes), static_cast<std::size_t>(length)});
  OPENSSL_free(bytes);
  unsigned char text[64];
  EVP_EncodeBlock(text, hash.data(), static_cast<int>(hash.size()));
  return "sha256//" + std::string(reinterpret_cast<char*>(text));
}

}  // namespace julu::test
