// SPDX-License-Identifier: Apache-2.0
//
// The App's lock, held for as long as a Lock lives.
#pragma once

#include "app.h"

namespace remuda::app {

struct App::Lock {
  explicit Lock(App& app) : app_(app) { pthread_mutex_lock(&app_.mutex_); }
  ~Lock() {
    app_.nudge();
    pthread_mutex_unlock(&app_.mutex_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  App& app_;
};

}  // namespace remuda::app
