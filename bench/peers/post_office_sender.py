"""django-post-office's side: `send_queued_mail` with several processes over kept connections. Runs in the peers' environment.

The same talk with the bench as `sending/ours.py`. With `queue` in its orders it only puts that many letters into the queue,
rendered already, each with the headers that ours have.

Source: django-post-office's README, "Settings" (BATCH_SIZE, THREADS_PER_PROCESS, LOG_LEVEL), "Management Commands".
"""

import json
import resource
import sys
import time


def configure(orders: dict) -> None:
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql", "HOST": orders["host"], "PORT": orders["port"], "NAME": orders["name"],
                "USER": orders["user"], "PASSWORD": orders["password"], "CONN_MAX_AGE": 600,
            }
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=orders["smtp_port"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        POST_OFFICE={
            "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
            "BATCH_SIZE": 5000, "THREADS_PER_PROCESS": 5, "LOG_LEVEL": 1, "LOCK_FILE_NAME": orders["lock"],
        },
    )  # fmt: skip
    django.setup()


def queue(orders: dict) -> None:
    from post_office import mail

    letters = []
    for number in range(orders["queue"]):
        recipient = f"person{number}@c{number // 10}.test"
        letters.append(
            {
                "sender": orders["sender"], "recipients": [recipient], "subject": orders["subject"], "message": orders["text"],
                "html_message": orders["html"], "headers": {**orders["headers"], "Message-ID": f"<{number}.{time.time_ns()}@test.example>"},
            }
        )  # fmt: skip
    for first in range(0, len(letters), 500):
        mail.send_many(letters[first : first + 500])


def work(orders: dict) -> dict:
    from django.core.management import call_command
    from post_office.models import STATUS, Email

    before = Email.objects.filter(status=STATUS.sent).count()
    print("ready", flush=True)
    sys.stdin.readline()
    cpu = _cpu_seconds()
    call_command("send_queued_mail", processes=orders["processes"], log_level=1)
    used = _cpu_seconds() - cpu
    rss = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) // 1024
    sent = Email.objects.filter(status=STATUS.sent).count() - before
    return {"sent": sent, "cpu_seconds": used, "rss_mb": rss, "outcomes": {}}


def _cpu_seconds() -> float:
    """Of this process and of its children, which have ended by then."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def main() -> None:
    orders = json.loads(sys.stdin.readline())
    configure(orders)
    if "migrate" in orders:
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
    elif "queue" in orders:
        queue(orders)
    else:
        print(json.dumps(work(orders)), flush=True)


if __name__ == "__main__":
    main()
