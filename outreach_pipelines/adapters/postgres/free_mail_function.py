"""What the domain knows of free mail, as a function of the database, so that intents and plans mean the same companies.

Belongs here: the function's text. Does not: the list (`domain/free_mail.toml`).
"""

from outreach_pipelines.domain.free_mail import free_mail_domains


def free_mail_function() -> str:
    """`app.is_free_mail(domain)`, made anew at each migration as all functions are. No domain name holds a quote."""
    listed = ", ".join(f"'{name}'" for name in sorted(free_mail_domains()))
    return f"""
create or replace function app.is_free_mail(p_domain text) returns boolean
    language sql immutable
    as $$ select p_domain = any (array[{listed}]) $$;
comment on function app.is_free_mail(text) is
    'Whether anybody may have an address at this mail domain, so that two people there are not of one company.';
"""
