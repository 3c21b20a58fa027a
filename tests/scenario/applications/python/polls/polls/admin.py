# SPDX-License-Identifier: Apache-2.0
from django.contrib import admin
from polls.models import Question

admin.site.register(Question)
