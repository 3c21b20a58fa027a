// SPDX-License-Identifier: Apache-2.0
//
// FarmHome: where a farm's peers are checked, looked up and told about: the worker's first loop.
//
//     run()   active checks, every interval        a prober's question, or whether a connection is accepted
//             names, every resolve_interval        on an offload thread; the last good answer holds
//             who waits though somebody is free    a peer's back-off may be over without anybody noticing
//
// Other loops only lend. All stories end when run()'s scope is cancelled. The home loop's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/control.h"
#include "apps/remote/farm.h"
#include "base/log.h"
#include "loop/event.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::apps::remote {

// The numeric addresses of a name, in kind and host; blocks. Errors are for people.
using Lookup = std::function<std::expected<std::vector<base::Peer>, std::string>(const std::string& name)>;
std::expected<std::vector<base::Peer>, std::string> look_up(const std::string& name);

// A prober for each check: one asks one peer at a time.
using MakeProber = std::function<std::unique_ptr<Prober>()>;

class PeerEndpoint;

class FarmHome {
 public:
  // All outlive it.
  FarmHome(Farm& farm, loop::Loop& home, loop::Offload& offload, base::Log& log, Lookup lookup = look_up);
  ~FarmHome();
  FarmHome(const FarmHome&) = delete;
  FarmHome& operator=(const FarmHome&) = delete;

  // Asks peers for the path of the checks, all at once; without one a connection that is accepted is enough.
  // Before run().
  void use_probers(MakeProber make);

  loop::Task<void> run();

  // As long as FarmHome.
  Control& control();

 private:
  loop::Task<void> check_peers(loop::Scope& stories);
  loop::Task<void> check(std::shared_ptr<RemotePeer> peer);
  // Why it is not well, in `trouble`; ETIMEDOUT: it was silent.
  loop::Task<base::Result<void>> ask(PeerEndpoint& endpoint, loop::Time deadline, std::string& trouble);
  loop::Task<base::Result<void>> knock(PeerEndpoint& endpoint, loop::Time deadline, std::string& trouble);
  loop::Task<void> make_room(const PeerEndpoint& endpoint);
  bool asks() const { return make_prober_ && !farm_.options().checks.path.empty(); }
  loop::Task<void> look_up_names();
  // False: the server stops.
  loop::Task<bool> look_up_name(const base::Peer& named);
  loop::Task<void> look_after();
  void tell_changes();
  void tell_name(const std::string& name, const std::string& trouble);

  Farm& farm_;
  loop::Loop& home_;
  loop::Offload& offload_;
  base::Log& log_;
  const Lookup lookup_;
  MakeProber make_prober_;
  loop::Event called_;                          // by the farm: somebody waits, a peer has come, gone, failed
  loop::Event names_wanted_;                    // a name was added
  std::map<uint64_t, PeerStatus::State> told_;  // by peer: what the log says of it
  std::map<std::string, std::string> told_of_names_;  // their trouble
  std::unique_ptr<Control> control_;
};

}  // namespace remuda::apps::remote
