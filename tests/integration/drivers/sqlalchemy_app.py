"""What an application does with SQLAlchemy: the ORM, its pool, savepoints, reflection."""
from sqlalchemy import Column, ForeignKey, Integer, String, create_engine, func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, declarative_base, relationship

Base = declarative_base()


class Owner(Base):
    __tablename__ = "sa_owner"
    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True)
    things = relationship("Thing", back_populates="owner")


class Thing(Base):
    __tablename__ = "sa_thing"
    id = Column(Integer, primary_key=True)
    owner_id = Column(ForeignKey("sa_owner.id"))
    owner = relationship("Owner", back_populates="things")


def main():
    engine = create_engine("postgresql+psycopg2://", pool_size=3, pool_pre_ping=True)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    assert {"sa_owner", "sa_thing"} <= set(inspect(engine).get_table_names())
    with Session(engine) as session:
        session.add(Owner(name="first", things=[Thing() for _ in range(20)]))
        session.commit()
        assert session.scalar(select(func.count()).select_from(Thing)) == 20
        try:
            with session.begin_nested():
                session.add(Owner(name="first"))
                session.flush()
            raise AssertionError("no error")
        except IntegrityError:
            pass
        session.add(Owner(name="second"))
        session.commit()
        assert session.scalars(select(Owner.name).order_by(Owner.name)).all() == ["first", "second"]
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="SERIALIZABLE")
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "serializable"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    Base.metadata.drop_all(engine)
    print("all fine")


main()
