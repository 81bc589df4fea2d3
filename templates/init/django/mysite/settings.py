import os
import tempfile
from pathlib import Path

SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-runserver")
DEBUG = os.environ.get("DEBUG") == "1"
# Function URLs, APIs, and this machine. Add your own domain.
ALLOWED_HOSTS = [".on.aws", ".amazonaws.com", "127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "notes",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "mysite.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "static/"

# A file in the temp folder is good for a first look: on Lambda each instance has its own, and it goes with it.
# For data that stays take a server, with its driver in requirements.txt and its address under `env` in
# rzap.yaml:
#   {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["DB_HOST"], …}
# https://docs.djangoproject.com/en/5.2/ref/databases/
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(tempfile.gettempdir()) / "{{app}}.sqlite3",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TIME_ZONE = "UTC"
USE_TZ = True
