// SPDX-License-Identifier: Apache-2.0
//
// EndpointProber: asks an application for a path over a connection of its own, to see whether it answers
// (apps/endpoint.h). Its heirs know how a request is written and read; the answer is in CGI's form.
//
// Several probes may be under way; trouble() is of the one that ended last. One loop, one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "apps/endpoint.h"
#include "loop/loop.h"

namespace remuda::gateway {

struct ProbeOptions {
  std::string root;     // SCRIPT_FILENAME is this and the path; empty: `program`
  std::string program;  // of a program that answers everything; may be empty
  std::string server_name = "localhost";
  std::string server_software = "Remuda/" REMUDA_VERSION;
};

class EndpointProber : public apps::Prober {
 public:
  EndpointProber(loop::Loop& loop, ProbeOptions options) : loop_(loop), options_(std::move(options)) {}

  loop::Task<base::Result<void>> probe(apps::Endpoint& endpoint, std::string_view path, int status,
                                       loop::Time deadline) final;
  std::string_view trouble() const final { return trouble_; }

 protected:
  // One question and its answer.
  class Dialogue {
   public:
    virtual ~Dialogue() = default;
    virtual std::string question(std::string_view variables) = 0;
    // Appends what is output to `answer`. The connection's end ends the answer as well.
    enum class Progress : uint8_t { kNeedsMore, kEnded, kBroken };
    virtual Progress take(std::string_view bytes, std::string& answer) = 0;
  };
  virtual std::unique_ptr<Dialogue> dialogue() const = 0;

 private:
  loop::Task<base::Result<void>> ask(int socket, const std::string& question, loop::Time deadline);
  loop::Task<base::Result<std::string>> hear(int socket, Dialogue& dialogue, loop::Time deadline);
  base::Result<void> judge(const std::string& answer, int status);
  std::string variables(std::string_view path) const;
  std::unexpected<base::Error> fail(int code, std::string trouble);

  loop::Loop& loop_;
  const ProbeOptions options_;
  std::string trouble_;
};

}  // namespace remuda::gateway
