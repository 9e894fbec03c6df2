"""The prototype's load profile: each user registers once, then sends 😀 every 10 to 100 ms.

By hand: locust --locustfile tests/compat/locustfile.py --headless --host http://localhost:5000 --users 100
--spawn-rate 10 --run-time 60s
"""

import uuid
from datetime import datetime

from locust import HttpUser, between, events, task


class Fan(HttpUser):
    """One person at the stadium."""

    wait_time = between(0.01, 0.1)

    def on_start(self):
        self.client_id = str(uuid.uuid4())
        self.post("/register", {"client_id": self.client_id, "subscriber": "subscriber_topic_1"})

    @task
    def react(self):
        self.post(
            "/emoji",
            {"user_id": self.client_id, "emoji_type": "😀", "timestamp": datetime.now().isoformat()},
        )

    def post(self, route, body):
        """Anything but 200 is a failure, redirects and other successes too."""
        with self.client.post(route, json=body, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"{route} answered {answer.status_code}: {answer.text[:200]}")


@events.quitting.add_listener
def every_user_was_served(environment, **_arguments):
    """Fails a run with a failed request, or in which fewer reactions were sent than there were users."""
    reactions = environment.stats.get("/emoji", "POST").num_requests
    users = environment.parsed_options.num_users or 1
    if environment.stats.total.num_failures > 0 or reactions < users:
        environment.process_exit_code = 1
